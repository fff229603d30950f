/** Passes a request on to the service that owns the resource, and its answer back. */
import type { Context } from 'hono'
import { notFound, ProblemError } from '../platform/http/problem.ts'
import type { ServiceClient } from '../platform/http/service-client.ts'
import type { TargetName } from '../platform/service.ts'
import type { GatewayEnv } from './authenticate.ts'
import { targetOf } from './resources.ts'

/** Longest that a service may take; calls wait for a station, which has its own shorter limit. */
const FORWARD_TIMEOUT_MS = 55_000
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
/** Headers of an answer that reach the client. */
const PASSED_BACK = ['content-type', 'location', 'retry-after', 'allow', 'etag']

export async function forward(
  c: Context<GatewayEnv>,
  client: (target: TargetName) => ServiceClient,
): Promise<Response> {
  const url = new URL(c.req.url)
  const path = url.pathname.slice('/api/v1/'.length)
  const target = targetOf(path)
  if (!target) throw notFound(`Nothing at ${c.req.method} ${url.pathname}`)
  const method = METHODS.find((m) => m === c.req.method)
  if (!method) throw new ProblemError(405, `${c.req.method} is not served`)
  const body = method === 'GET' ? undefined : new Uint8Array(await c.req.arrayBuffer())
  const contentType = c.req.header('content-type')
  const response = await client(target).fetch(
    `/v1/${path}${url.search}`,
    {
      tenantId: c.get('tenantId'),
      actor: c.get('actor'),
      requestId: c.get('requestId'),
      trace: c.get('trace'),
    },
    {
      method,
      timeoutMs: FORWARD_TIMEOUT_MS,
      ...(body === undefined || body.length === 0 ? {} : { body }),
      ...(contentType === undefined ? {} : { headers: { 'content-type': contentType } }),
    },
  )
  const headers = new Headers()
  for (const name of PASSED_BACK) {
    const value = response.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  headers.set('cache-control', 'no-store')
  return new Response(response.body, { status: response.status, headers })
}
