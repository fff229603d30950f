/** Everything that billing-service answers: tariffs, CDRs and invoices. */
import type { Hono } from 'hono'
import { createServiceApp } from '../platform/http/openapi.ts'
import type { ServiceContext } from '../platform/service.ts'
import { cdrRoutes } from './cdr-routes.ts'
import { previewRoutes } from './preview-routes.ts'
import { tariffRoutes } from './tariff-routes.ts'

export function billingServiceRoutes(context: ServiceContext, tariffsChanged: () => void): Hono {
  const app = createServiceApp({
    name: 'billing-service',
    log: context.log,
    serviceKey: context.config.serviceKey,
  })
  tariffRoutes(app, context, tariffsChanged)
  cdrRoutes(app, context)
  previewRoutes(app, context)
  return app as unknown as Hono
}
