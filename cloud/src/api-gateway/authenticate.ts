/** Who asks: an API key in `Authorization: Bearer`, or the cookie of a sign-in. One of them is needed on every route of the API. */
import type { MiddlewareHandler } from 'hono'
import type { Random } from '../platform/clock.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { requestHop } from '../platform/http/request-hop.ts'
import type { ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { readCookie } from './cookie.ts'
import type { KnownPrincipals } from './known-principals.ts'
import { findApiKey, findSignIn, type Principal } from './queries.ts'
import { hashSecret } from './secrets.ts'

export interface GatewayEnv {
  Variables: ServiceVariables & { principal: Principal }
}

/** Longest credential that is looked at. */
const MAX_CREDENTIAL_LENGTH = 256
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function authenticate(
  { sql, clock }: Pick<ServiceContext, 'sql' | 'clock'>,
  known: KnownPrincipals,
): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const authorization = c.req.header('authorization')
    const cookie = readCookie(c)
    let principal: Principal | undefined
    if (authorization !== undefined) {
      const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      if (key !== undefined && key.length <= MAX_CREDENTIAL_LENGTH) {
        const hash = hashSecret(key)
        principal = await known.find(hash, () => findApiKey(sql, hash))
      }
      if (!principal)
        throw new ProblemError(
          401,
          'The API key in Authorization is not known, or the header is not "Bearer <key>"',
        )
    } else if (cookie !== undefined && cookie.length <= MAX_CREDENTIAL_LENGTH) {
      const hash = hashSecret(cookie)
      principal = await known.find(hash, () => findSignIn(sql, hash, new Date(clock.now())))
      if (!principal) throw new ProblemError(401, 'The sign-in has ended: sign in again')
      if (!SAFE_METHODS.has(c.req.method)) sameOrigin(c.req.header('origin'), c.req.header('host'))
    } else {
      throw new ProblemError(401, 'An API key is needed in "Authorization: Bearer <key>", or a sign-in')
    }
    c.set('principal', principal)
    c.set('tenantId', principal.tenantId)
    c.set('actor', `${principal.kind}:${principal.id}`)
    c.set('actorName', principal.name)
    await next()
  }
}

/** A cookie alone may change nothing from another page, even where a browser would send it (OWASP: verify the origin). */
export function sameOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin !== undefined && URL.canParse(origin) && new URL(origin).host === host) return
  throw new ProblemError(403, 'A request by cookie that changes something must come from this origin')
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** Gives every request an id and a trace (W3C Trace Context), or keeps what it came with. */
export function identify(random: Random): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : random.uuid()
    c.set('requestId', requestId)
    await requestHop(c, next, (trace) =>
      c.set(
        'trace',
        trace !== undefined && TRACEPARENT.test(trace)
          ? trace
          : `00-${random.bytes(16).toString('hex')}-${random.bytes(8).toString('hex')}-00`,
      ),
    )
    c.header('x-request-id', requestId)
  }
}
