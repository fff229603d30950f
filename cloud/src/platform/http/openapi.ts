/** A service's routes with their OpenAPI 3.1 document at `/openapi.json`; what does not fit the shapes is answered 422. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import { invalid, onError, onNotFound, problemResponse, validationErrors } from './problem.ts'
import { readableInput } from './readable-input.ts'
import { requestLog } from './request-log.ts'
import { type ServiceEnv, serviceAuth } from './service-auth.ts'

/** A plain app with problem+json errors; for the api-gateway, which authenticates by itself. */
export function createApp(log: Logger): OpenAPIHono<ServiceEnv> {
  const app = new OpenAPIHono<ServiceEnv>({
    defaultHook: (result, c) => {
      if (!result.success) return problemResponse(c, invalid(validationErrors(result.error)).problem)
    },
  })
  app.use('*', requestLog(log))
  app.onError(onError(log))
  app.notFound(onNotFound(() => app.routes))
  return app
}

/** The app of a service: everything under /v1 asks for the service key. */
export function createServiceApp({
  name,
  log,
  serviceKey,
}: {
  name: string
  log: Logger
  serviceKey: string
}): OpenAPIHono<ServiceEnv> {
  const app = createApp(log)
  app.use('/v1/*', serviceAuth(serviceKey), readableInput)
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: `Switchyard ${name}`, version: '1' } })
  return app
}
