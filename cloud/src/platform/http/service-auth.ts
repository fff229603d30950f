/** Between services: the service key lets a request in, and the headers say for which tenant and by whom. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { invalid, ProblemError, problemResponse } from './problem.ts'
import { requestHop } from './request-hop.ts'

export const SERVICE_KEY_HEADER = 'x-switchyard-service-key'
export const TENANT_HEADER = 'x-switchyard-tenant'
export const ACTOR_HEADER = 'x-switchyard-actor'
/** URI-encoded: a name may have any letters. */
export const ACTOR_NAME_HEADER = 'x-switchyard-actor-name'
export const REQUEST_ID_HEADER = 'x-request-id'

/** The tenant of an installation that has only one. */
export const DEFAULT_TENANT = 'default'
const TENANT_PATTERN = /^[A-Za-z0-9_-]{1,64}$/

/** What `c.get(...)` gives in a service's route. */
export interface ServiceVariables {
  tenantId: string
  /** Who acts: a user's or API key's id; `service` when a service asks for itself. */
  actor: string
  /** The same as a person reads it: an operator's e-mail, a key's name. */
  actorName: string
  requestId: string | undefined
  /** W3C traceparent. */
  trace: string | undefined
}
export interface ServiceEnv {
  Variables: ServiceVariables
}

/** 401 without the right key, 422 with an unreadable tenant. */
export function serviceAuth(serviceKey: string): MiddlewareHandler<ServiceEnv> {
  const expected = digest(serviceKey)
  return async (c, next) => {
    const given = c.req.header(SERVICE_KEY_HEADER)
    if (given === undefined || !timingSafeEqual(digest(given), expected))
      return problemResponse(c, new ProblemError(401, `${SERVICE_KEY_HEADER} is missing or wrong`).problem)
    const tenantId = c.req.header(TENANT_HEADER) ?? DEFAULT_TENANT
    if (!TENANT_PATTERN.test(tenantId))
      return problemResponse(c, invalid([{ path: TENANT_HEADER, message: 'is no tenant id' }]).problem)
    c.set('tenantId', tenantId)
    const actor = c.req.header(ACTOR_HEADER) ?? 'service'
    c.set('actor', actor)
    c.set('actorName', nameOf(c.req.header(ACTOR_NAME_HEADER)) ?? actor)
    c.set('requestId', c.req.header(REQUEST_ID_HEADER))
    await requestHop(c, next, (trace) => c.set('trace', trace))
  }
}

/** Undefined where there is none, or none that can be read. */
function nameOf(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined
  try {
    return decodeURIComponent(header)
  } catch {
    return undefined
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
