/**
 * How much one API key or operator may ask in a minute, counted over all replicas (Bus.add). Every answer says what is left
 * (draft-ietf-httpapi-ratelimit-headers-05: RateLimit-Limit, -Remaining, -Reset, -Policy), a refusal also when to come back.
 */
import type { MiddlewareHandler } from 'hono'
import { BUS, type Bus } from '../platform/bus.ts'
import { ProblemError } from '../platform/http/problem.ts'
import type { GatewayEnv } from './authenticate.ts'

const WINDOW_MS = 60_000

/** `limit`: requests a minute; 0: none is refused, and nothing is counted. Comes after `authenticate`. */
export function rateLimit(bus: Bus, limit: number): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    if (limit === 0) return next()
    const { kind, id } = c.get('principal')
    const { count, endsInMs } = await bus.add(BUS.requestsOf(kind, id), 1, WINDOW_MS)
    const seconds = String(Math.ceil(endsInMs / 1000))
    const told = {
      'ratelimit-limit': String(limit),
      'ratelimit-remaining': String(Math.max(0, limit - count)),
      'ratelimit-reset': seconds,
      'ratelimit-policy': `${limit};w=${WINDOW_MS / 1000}`,
    }
    if (count > limit)
      throw new ProblemError(
        429,
        `${limit} requests a minute are taken from one API key or operator: come back in ${seconds} s`,
        {},
        undefined,
        { ...told, 'retry-after': seconds },
      )
    await next()
    for (const [name, value] of Object.entries(told)) c.header(name, value)
  }
}
