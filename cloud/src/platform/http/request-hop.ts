/** Each request is a hop of a trace: of the caller's, where it names one. */
import { beginHop } from '@switchyard/tracing/hop.ts'
import type { Context, Env, Next } from 'hono'
import { requestFields } from './request-log.ts'

/** `carry` takes what requests and facts that follow from this one are to name; undefined where nothing is to be named. */
export async function requestHop<E extends Env>(
  c: Context<E>,
  next: Next,
  carry: (trace: string | undefined) => void,
): Promise<void> {
  const { method, path } = requestFields(c)
  const given = c.req.header('traceparent')
  const hop = beginHop(`HTTP ${method}`, 'server', given, { 'http.request.method': method, 'url.path': path })
  carry(hop?.traceparent ?? given)
  await next()
  const { status } = c.res
  hop?.end(status >= 500 ? String(status) : undefined, { 'http.response.status_code': status })
}
