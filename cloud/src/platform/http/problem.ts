/** Errors as problem+json (RFC 9457), the same everywhere. */
import type { Problem } from '@switchyard/protocol/api/shapes.ts'
import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { isTransient } from '../postgres.ts'

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  422: 'Input is not valid',
  429: 'Too many requests',
  500: 'Internal error',
  502: 'A service answered something unreadable',
  503: 'Not available now',
  504: 'No answer in time',
}

/** Thrown anywhere in a route; becomes the response. */
export class ProblemError extends Error {
  readonly problem: Problem
  constructor(status: number, detail: string, extra: Partial<Problem> = {}, cause?: unknown) {
    super(detail, { cause })
    this.name = 'ProblemError'
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

/** A zod error as the `errors` of a 422. */
export function validationErrors(error: z.core.$ZodError): { path: string; message: string }[] {
  return error.issues.map((it) => ({ path: it.path.map(String).join('.'), message: it.message }))
}

export function problemResponse(c: Context, problem: Problem): Response {
  return c.body(JSON.stringify(problem), problem.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
  })
}

/** For `app.onError`: known problems as they are, a database that is away as 503, everything else 500 and a log line. */
export function onError(log: Logger): ErrorHandler {
  return (error, c) => {
    if (error instanceof ProblemError) {
      if (error.problem.status >= 500) log.warn({ err: error, path: c.req.path }, 'a request failed')
      return problemResponse(c, error.problem)
    }
    if (error instanceof HTTPException)
      return problemResponse(
        c,
        new ProblemError(error.status, error.message || 'The request cannot be read').problem,
      )
    if (isTransient(error)) {
      log.warn({ err: error, path: c.req.path }, 'the database did not serve a request')
      return problemResponse(c, unavailable('The database does not answer now').problem)
    }
    log.error({ err: error, path: c.req.path, method: c.req.method }, 'a request failed')
    return problemResponse(
      c,
      new ProblemError(500, 'The request failed; the log of the service says why').problem,
    )
  }
}

export const onNotFound: NotFoundHandler = (c) =>
  problemResponse(c, notFound(`Nothing at ${c.req.method} ${c.req.path}`).problem)
