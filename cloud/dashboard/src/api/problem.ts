/** What went wrong with a request, in words for the person in front of the page. */
import type { Problem } from '@switchyard/protocol/api/shapes.ts'

/** The API answered with a problem (RFC 9457), or with something that is none: then `title` is made from the status. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }

  get status(): number {
    return this.problem.status
  }
}

/** The request never got an answer: no network, no server, or it took too long. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

/** A field of a form cannot be read; the message says which and why. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

const STATUS_WORDS: Record<number, string> = {
  401: 'You are not signed in',
  403: 'This is not allowed for your account',
  404: 'There is no such thing here',
  409: 'This contradicts what is there already',
  413: 'This is too large',
  422: 'Something in it is not valid',
  429: 'Too many requests; try again in a moment',
  503: 'A service is not available at the moment',
}

/** Reads the body of a refused response; a body that is no problem document still gives a readable one. */
export function problemOf(status: number, body: unknown): Problem {
  const title = STATUS_WORDS[status] ?? `The server answered with status ${status}`
  if (typeof body !== 'object' || body === null) return { type: 'about:blank', title, status }
  const given = body as Partial<Problem>
  const problem: Problem = {
    type: typeof given.type === 'string' ? given.type : 'about:blank',
    title: typeof given.title === 'string' && given.title !== '' ? given.title : title,
    status,
  }
  if (typeof given.detail === 'string') problem.detail = given.detail
  if (Array.isArray(given.errors)) {
    problem.errors = given.errors.filter(
      (error) => typeof error?.path === 'string' && typeof error?.message === 'string',
    )
  }
  return problem
}

/** One or two sentences; field errors are named with their place. */
export function readableMessage(error: unknown): string {
  if (error instanceof ProblemError) {
    const { title, detail, errors } = error.problem
    const fields = (errors ?? []).map(({ path, message }) => (path ? `${path}: ${message}` : message))
    const head = detail && detail !== title ? `${title}: ${detail}` : title
    return fields.length === 0 ? head : `${head} (${fields.join('; ')})`
  }
  if (error instanceof UnreachableError || error instanceof InputError) return error.message
  return error instanceof Error ? `Something went wrong in the page: ${error.message}` : String(error)
}

/** Whether asking again may help. */
export function isPassing(error: unknown): boolean {
  if (error instanceof UnreachableError) return true
  return error instanceof ProblemError && (error.status >= 500 || error.status === 429)
}
