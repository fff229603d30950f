/** Everything that station-service answers: sites, stations, sessions and commands. */
import type { Hono } from 'hono'
import { createServiceApp } from '../platform/http/openapi.ts'
import type { ServiceContext } from '../platform/service.ts'
import { commandRoutes } from './command-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { siteRoutes } from './site-routes.ts'
import { stationRoutes } from './station-routes.ts'

export function stationServiceRoutes(context: ServiceContext): Hono {
  const app = createServiceApp({
    name: 'station-service',
    log: context.log,
    serviceKey: context.config.serviceKey,
  })
  siteRoutes(app, context)
  stationRoutes(app, context)
  sessionRoutes(app, context)
  commandRoutes(app, context)
  return app as unknown as Hono
}
