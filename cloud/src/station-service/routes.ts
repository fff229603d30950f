/** Everything that station-service answers: sites, stations, sessions, reviews and commands. */
import type { Hono } from 'hono'
import { createServiceApp } from '../platform/http/openapi.ts'
import type { ServiceContext } from '../platform/service.ts'
import { appliedRoutes } from './applied.ts'
import { commandRoutes } from './command-routes.ts'
import { messageRoutes } from './message-routes.ts'
import { monitorRoutes } from './monitor-routes.ts'
import { notificationRoutes } from './notification-routes.ts'
import { quirkRoutes } from './quirk-routes.ts'
import { reservationRoutes } from './reservation-routes.ts'
import { reviewRoutes } from './review-routes.ts'
import { rolloutRoutes } from './rollout-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { settingsRoutes } from './settings-routes.ts'
import { sitePolicyRoutes } from './site-policy.ts'
import { siteRoutes } from './site-routes.ts'
import { stationRoutes } from './station-routes.ts'

export function stationServiceRoutes(context: ServiceContext): Hono {
  const app = createServiceApp({
    name: 'station-service',
    log: context.log,
    serviceKey: context.config.serviceKey,
  })
  siteRoutes(app, context)
  sitePolicyRoutes(app, context)
  stationRoutes(app, context)
  settingsRoutes(app, context)
  monitorRoutes(app, context)
  quirkRoutes(app)
  reservationRoutes(app, context)
  notificationRoutes(app, context)
  sessionRoutes(app, context)
  reviewRoutes(app, context)
  commandRoutes(app, context)
  rolloutRoutes(app, context)
  appliedRoutes(app, context)
  messageRoutes(app, context)
  return app as unknown as Hono
}
