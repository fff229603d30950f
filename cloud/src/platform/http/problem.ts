/** Errors as problem+json (RFC 9457), the same everywhere. */
import type { Problem } from '@switchyard/protocol/api/shapes.ts'
import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { faultOf } from '../log.ts'
import { isTransient } from '../postgres.ts'
import { requestFields } from './request-log.ts'

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  422: 'Input is not valid',
  429: 'Too many requests',
  500: 'Internal error',
  502: 'The other side answered with an error',
  503: 'Not available now',
  504: 'No answer in time',
}

/** Thrown anywhere in a route; becomes the response. */
export class ProblemError extends Error {
  readonly problem: Problem
  /** Told with the response, e.g. `allow`. */
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    detail: string,
    extra: Partial<Problem> = {},
    cause?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail, { cause })
    this.name = 'ProblemError'
    this.headers = headers
    this.problem = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, ...extra }
  }
}

export const notFound = (detail: string): ProblemError => new ProblemError(404, detail)
export const conflict = (detail: string): ProblemError => new ProblemError(409, detail)
export const unavailable = (detail: string, cause?: unknown): ProblemError =>
  new ProblemError(503, detail, {}, cause)
/** 422, with where the input is wrong. */
export const invalid = (errors: { path: string; message: string }[]): ProblemError =>
  new ProblemError(422, errors.map((it) => `${it.path || 'body'}: ${it.message}`).join('; '), { errors })

/** A zod error as the `errors` of a 422: every field by its path, within unions too. */
export function validationErrors(error: z.core.$ZodError): { path: string; message: string }[] {
  return error.issues.flatMap((it) => told(it, []))
}

function told(issue: z.core.$ZodIssue, above: PropertyKey[]): { path: string; message: string }[] {
  const path = [...above, ...issue.path]
  const at = path.map(String).join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...path, key].map(String).join('.'),
      message: 'is not known here',
    }))
  if (issue.code === 'invalid_union') {
    const branch = closest(issue.errors)
    if (branch) return branch.flatMap((it) => told(it, path))
  }
  // What was not sent is told so, not as a type that nobody sent.
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  return [{ path: at, message: missing ? 'is missing' : issue.message }]
}

/** Of the branches of a union, the one that the input came nearest to; undefined when none stands out. */
function closest(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const depth = (branch: z.core.$ZodIssue[]) => Math.max(...branch.map((it) => it.path.length))
  const nearer = (a: z.core.$ZodIssue[], b: z.core.$ZodIssue[]) => a.length - b.length || depth(b) - depth(a)
  const [first, second] = branches.filter((it) => it.length > 0).sort(nearer)
  return first !== undefined && second !== undefined && nearer(first, second) === 0 ? undefined : first
}

export function problemResponse(
  c: Context,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const requestId: string | undefined = c.get('requestId')
  const told: Problem = requestId === undefined ? problem : { ...problem, requestId }
  return c.body(JSON.stringify(told), problem.status as ContentfulStatusCode, {
    ...headers,
    'content-type': 'application/problem+json',
  })
}

/** For `app.onError`: known problems as they are, a database that is away as 503, everything else 500 and a log line. */
export function onError(log: Logger): ErrorHandler {
  return (error, c) => {
    const asked = requestFields(c)
    if (error instanceof ProblemError) {
      const { problem } = error
      // One with a code is what a station said or did not say: an answer, no fault of ours.
      if (problem.status >= 500 && problem.code === undefined)
        log.warn(
          { ...asked, status: problem.status, reason: problem.detail, cause: reasonOf(error.cause) },
          'a request failed',
        )
      return problemResponse(c, problem, error.headers)
    }
    if (error instanceof HTTPException)
      return problemResponse(
        c,
        new ProblemError(error.status, error.message || 'The request cannot be read').problem,
      )
    if (isTransient(error)) {
      log.warn({ ...asked, ...faultOf(error) }, 'the database did not serve a request')
      return problemResponse(c, unavailable('The database does not answer now').problem)
    }
    log.error({ ...asked, err: error }, 'a request failed')
    return problemResponse(
      c,
      new ProblemError(500, 'The request failed; the log of the service says why').problem,
    )
  }
}

function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  // fetch says only that it failed, and why in its cause.
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message
}

/** A route as the router keeps it. */
interface KnownRoute {
  method: string
  path: string
}

/** For `app.notFound`: 405 with what is allowed where the path is known by another method, else 404. */
export function onNotFound(routes: () => readonly KnownRoute[]): NotFoundHandler {
  return (c) => {
    const problem = nothingAt(routes(), c.req.path)
    return problemResponse(c, problem.problem, problem.headers)
  }
}

export function nothingAt(routes: readonly KnownRoute[], path: string): ProblemError {
  const methods = routes
    .filter((it) => it.method !== 'ALL' && !it.path.includes('*') && matches(it.path, path))
    .map((it) => it.method)
  if (methods.length === 0) return notFound('There is nothing at this path')
  const allow = [...new Set(methods)].sort().join(', ')
  return new ProblemError(405, `This path takes ${allow}`, {}, undefined, { allow })
}

/** Whether a path fits a pattern of the router, e.g. `/v1/sites/:siteId`. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((it, i) => (it.startsWith(':') ? given[i] !== '' : it === given[i]))
  )
}
