/** Passes a request on to the service that owns the resource, and its answer back. */
import type { Context } from 'hono'
import { ProblemError } from '../platform/http/problem.ts'
import type { ServiceContext, TargetName } from '../platform/service.ts'
import type { GatewayEnv } from './authenticate.ts'
import { ofClient, ofService } from './list-cursors.ts'

/** Longest that a service may take; calls wait for a station, which has its own shorter limit (MAX_CALL_TTL_MS). */
const FORWARD_TIMEOUT_MS = 55_000
/** The same for a file, until its last byte was read by the client. */
const DOWNLOAD_TIMEOUT_MS = 600_000
/** OPTIONS is passed on, for the service knows what its path takes. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
/** Headers of an answer that reach the client. */
const PASSED_BACK = [
  'content-type',
  'location',
  'retry-after',
  'allow',
  'etag',
  'content-disposition',
  'x-content-type-options',
]

/** `path` is what follows /api/v1/, as it was sent. */
export async function forward(
  c: Context<GatewayEnv>,
  target: TargetName,
  path: string,
  { client, eventLog: { generation } }: Pick<ServiceContext, 'client' | 'eventLog'>,
): Promise<Response> {
  const url = new URL(c.req.url)
  // The server leaves the body of an answer to HEAD away by itself.
  const method = c.req.method === 'HEAD' ? 'GET' : METHODS.find((m) => m === c.req.method)
  if (!method)
    throw new ProblemError(405, `${c.req.method} is not served`, {}, undefined, { allow: METHODS.join(', ') })
  const body = method === 'GET' ? undefined : new Uint8Array(await c.req.arrayBuffer())
  const contentType = c.req.header('content-type')
  const response = await client(target).fetch(
    `/v1/${path}${ofService(url.search, generation)}`,
    {
      tenantId: c.get('tenantId'),
      actor: c.get('actor'),
      actorName: c.get('actorName'),
      requestId: c.get('requestId'),
      trace: c.get('trace'),
    },
    {
      method,
      timeoutMs: path.endsWith('/content') ? DOWNLOAD_TIMEOUT_MS : FORWARD_TIMEOUT_MS,
      ...(body === undefined || body.length === 0 ? {} : { body }),
      ...(contentType === undefined ? {} : { headers: { 'content-type': contentType } }),
    },
  )
  const headers = new Headers()
  for (const name of PASSED_BACK) {
    const value = response.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  // Lists are small, and their cursors name the life of the log that they belong to.
  const isJson = method === 'GET' && headers.get('content-type')?.startsWith('application/json')
  const answer = isJson ? ofClient(await response.text(), generation) : response.body
  return new Response(answer, { status: response.status, headers })
}
