/** HTTP from one target to another, with the service key and a timeout; never inside a database transaction. */
import type { Problem } from '@switchyard/protocol/api/shapes.ts'
import type { z } from 'zod'
import type { TargetName } from '../service.ts'
import { ProblemError, unavailable } from './problem.ts'
import {
  ACTOR_HEADER,
  ACTOR_NAME_HEADER,
  REQUEST_ID_HEADER,
  SERVICE_KEY_HEADER,
  TENANT_HEADER,
} from './service-auth.ts'

/** When nothing else is said. */
export const DEFAULT_TIMEOUT_MS = 10_000

/** For whom a request is made. */
export interface Caller {
  tenantId: string
  actor?: string | undefined
  actorName?: string | undefined
  requestId?: string | undefined
  /** W3C traceparent. */
  trace?: string | undefined
}
export interface ServiceRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is; needs its content-type in `headers`. */
  body?: string | Uint8Array
  headers?: Record<string, string>
  timeoutMs?: number
  signal?: AbortSignal
}

export interface ServiceClient {
  readonly target: TargetName
  /** Where it is now, without a trailing slash. */
  readonly url: string
  /** The response whatever its status. Throws ProblemError 503 when there is none, 504 when not in time. */
  fetch(path: string, caller: Caller, request?: ServiceRequest): Promise<Response>
  /** A 2xx body read by its shape. A problem of the other service is thrown as ProblemError with its status. */
  read<T>(path: string, caller: Caller, shape: z.ZodType<T>, request?: ServiceRequest): Promise<T>
}

export function createServiceClient(
  target: TargetName,
  urlOf: (target: TargetName) => string,
  serviceKey: string,
): ServiceClient {
  async function send(path: string, caller: Caller, request: ServiceRequest = {}): Promise<Response> {
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const timeout = AbortSignal.timeout(timeoutMs)
    const headers: Record<string, string> = {
      ...request.headers,
      [SERVICE_KEY_HEADER]: serviceKey,
      [TENANT_HEADER]: caller.tenantId,
    }
    if (caller.actor) headers[ACTOR_HEADER] = caller.actor
    if (caller.actorName) headers[ACTOR_NAME_HEADER] = encodeURIComponent(caller.actorName)
    if (caller.requestId) headers[REQUEST_ID_HEADER] = caller.requestId
    if (caller.trace) headers.traceparent = caller.trace
    if (request.json !== undefined) headers['content-type'] = 'application/json'
    const body = request.json !== undefined ? JSON.stringify(request.json) : request.body
    try {
      return await fetch(urlOf(target) + path, {
        method: request.method ?? 'GET',
        headers,
        signal: request.signal ? AbortSignal.any([timeout, request.signal]) : timeout,
        redirect: 'error',
        ...(body === undefined ? {} : { body: body as string }),
      })
    } catch (error) {
      if (timeout.aborted)
        throw new ProblemError(504, `${target} did not answer within ${timeoutMs} ms`, {}, error)
      throw unavailable(`${target} cannot be reached`, error)
    }
  }

  return {
    target,
    get url() {
      return urlOf(target)
    },
    fetch: send,
    async read(path, caller, shape, request) {
      const response = await send(path, caller, request)
      const text = await response.text()
      const value = parse(text)
      if (!response.ok) {
        const problem = (value ?? {}) as Partial<Problem>
        const extra = problem.errors ? { errors: problem.errors } : {}
        throw new ProblemError(
          response.status,
          problem.detail ?? `${target} answered ${response.status}`,
          extra,
        )
      }
      const read = shape.safeParse(value)
      if (!read.success)
        throw new ProblemError(502, `${target} answered ${path} in another shape: ${read.error.message}`)
      return read.data
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
