/** The one place that speaks HTTP with the API. The cookie travels by itself; no secret is ever in a URL or in storage. */
import { after, noteServerDate } from '../clock.ts'
import { ProblemError, problemOf, UnreachableError } from './problem.ts'

export const API_ROOT = '/api/v1'
/** A request without an answer by then is given up. */
export const REQUEST_TIMEOUT_MS = 20_000

export type QueryParameters = Record<string, string | number | boolean | null | undefined>

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  query?: QueryParameters
  body?: unknown
  /** Makes a POST harmless to send twice. */
  idempotencyKey?: string
  signal?: AbortSignal
  /** Instead of REQUEST_TIMEOUT_MS. */
  timeoutMs?: number
}

/** `/api/v1` + path + the parameters that have a value. */
export function apiUrl(path: string, query: QueryParameters = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return `${API_ROOT}${path}${text === '' ? '' : `?${text}`}`
}

/**
 * Answers the parsed JSON body, or undefined for an empty one. Throws ProblemError when the API refuses, UnreachableError
 * when there is no answer; an abort by `signal` goes through as it is.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  const init: RequestInit = { method: options.method ?? 'GET', headers, credentials: 'same-origin' }
  if (options.body !== undefined) {
    headers['content-type'] = 'application/json'
    init.body = JSON.stringify(options.body)
  }
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey

  const timeout = new AbortController()
  const { timeoutMs = REQUEST_TIMEOUT_MS } = options
  const cancelTimeout = after(timeoutMs, () => timeout.abort())
  init.signal = options.signal ? AbortSignal.any([options.signal, timeout.signal]) : timeout.signal
  try {
    const response = await fetch(apiUrl(path, options.query), init)
    noteServerDate(response.headers.get('date'))
    const text = await response.text()
    const body = parseBody(text)
    if (!response.ok) throw new ProblemError(problemOf(response.status, body))
    if (body === UNREADABLE) {
      throw new ProblemError(problemOf(502, { title: 'The server answered with something that is not JSON' }))
    }
    return body as T
  } catch (error) {
    if (error instanceof ProblemError || options.signal?.aborted) throw error
    throw new UnreachableError(
      timeout.signal.aborted
        ? `The server did not answer within ${timeoutMs / 1000} seconds.`
        : 'The server cannot be reached. Is it running, and is this device online?',
      { cause: error },
    )
  } finally {
    cancelTimeout()
  }
}

const UNREADABLE = Symbol('unreadable')

function parseBody(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return UNREADABLE
  }
}
