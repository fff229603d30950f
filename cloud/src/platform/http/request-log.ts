/** A line for each request, with the id that a caller was answered with. Never what was sent, nor what a query asked for. */
import type { Context, MiddlewareHandler } from 'hono'
import type { Logger } from 'pino'
import type { ServiceVariables } from './service-auth.ts'

/** Such requests change nothing, and are told at `debug`: there are thousands of them to one that does. */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** First of all middleware: what those behind it find out (request id, tenant, actor) stands in the line. */
export function requestLog(log: Logger): MiddlewareHandler<{ Variables: Partial<ServiceVariables> }> {
  return async (c, next) => {
    const startedMs = performance.now()
    await next()
    const fields = {
      ...requestFields(c),
      tenantId: c.get('tenantId'),
      actor: c.get('actor'),
      status: c.res.status,
      durationMs: Math.round(performance.now() - startedMs),
    }
    if (READS.has(c.req.method)) log.debug(fields, 'a request was answered')
    else log.info(fields, 'a request was answered')
  }
}

/** What every line that a request leaves has in common. */
export function requestFields(c: Context): { requestId: unknown; method: string; path: string } {
  return { requestId: c.get('requestId'), method: c.req.method, path: tellablePath(c.req.path) }
}

/** A path without what a driver shows to a reader: ids of tokens are no secret, and nobody's business either. */
export function tellablePath(path: string): string {
  return path.replace(/\/tokens\/[^/]+/, '/tokens/[redacted]')
}
