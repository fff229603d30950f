/** Everything that driver-service answers: drivers, tokens, and running questions of sites. */
import type { Hono } from 'hono'
import { createServiceApp } from '../platform/http/openapi.ts'
import type { ServiceContext } from '../platform/service.ts'
import { driverRoutes } from './driver-routes.ts'
import { tokenByIdRoutes } from './token-by-id-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { createTokensAtSites } from './tokens-at-sites.ts'
import { tokensContentRoutes } from './tokens-content.ts'
import type { TokensPublisher } from './tokens-document.ts'

export function driverServiceRoutes(context: ServiceContext, publisher: TokensPublisher): Hono {
  const app = createServiceApp({
    name: 'driver-service',
    log: context.log,
    serviceKey: context.config.serviceKey,
  })
  driverRoutes(app, context)
  const atSites = createTokensAtSites(context, publisher)
  tokenRoutes(app, context, publisher, atSites)
  tokenByIdRoutes(app, context, publisher, atSites)
  tokensContentRoutes(app, context)
  return app as unknown as Hono
}
