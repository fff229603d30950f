/** How long requests take, by method and by class of status: paths would be without a bound. */
import type { MiddlewareHandler } from 'hono'
import { Histogram, type Registry } from 'prom-client'

export function requestSeconds(registry: Registry): MiddlewareHandler {
  const seconds = new Histogram({
    name: 'switchyard_http_request_seconds',
    help: 'Requests by method and class of status, until the answer begins',
    labelNames: ['method', 'status'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  return async (c, next) => {
    const end = seconds.startTimer()
    await next()
    end({
      method: METHODS.has(c.req.method) ? c.req.method : 'other',
      status: `${Math.floor(c.res.status / 100)}xx`,
    })
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
