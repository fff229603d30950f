/** api-gateway: the one public face. Authenticates, forwards to the services, streams what happens, serves the dashboard. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Gauge } from 'prom-client'
import { createApp } from '../platform/http/openapi.ts'
import { nothingAt, ProblemError } from '../platform/http/problem.ts'
import { readableInput } from '../platform/http/readable-input.ts'
import type { RunningService, Service, ServiceContext } from '../platform/service.ts'
import { apiKeyRoutes } from './api-key-routes.ts'
import { authenticate, type GatewayEnv, identify } from './authenticate.ts'
import { bootstrap } from './bootstrap.ts'
import { dashboard } from './dashboard.ts'
import { forward } from './forward.ts'
import { idempotency } from './idempotency.ts'
import { KnownPrincipals } from './known-principals.ts'
import { openApi } from './openapi.ts'
import { rateLimit } from './rate-limit.ts'
import { targetOf } from './resources.ts'
import { serviceRoutes } from './service-routes.ts'
import { meRoute, signInRoutes } from './sign-in-routes.ts'
import { StreamHub } from './stream-hub.ts'
import { streamRoutes } from './stream-routes.ts'

/** Largest request body. */
const MAX_BODY_BYTES = 1024 * 1024
/** Routes that ask for no key and no cookie. */
const OPEN_PATHS = new Set(['/api/v1/sign-in', '/api/v1/sign-out'])

export const apiGateway: Service = {
  name: 'api-gateway',
  schema: 'gateway',
  async start(context: ServiceContext): Promise<RunningService> {
    await bootstrap(context)
    const hub = new StreamHub(context)
    await hub.start()
    new Gauge({
      name: 'switchyard_stream_clients',
      help: 'Clients of /api/v1/stream',
      registers: [context.metrics],
      collect() {
        this.set(hub.size)
      },
    })
    return { routes: routes(context, hub), stop: () => hub.stop() }
  },
}

function routes(context: ServiceContext, hub: StreamHub): Hono {
  const app = createApp(context.log) as unknown as OpenAPIHono<GatewayEnv>
  app.use('*', identify(context.random))
  app.use('/api/*', answersOfTheApi)
  app.use(
    '/api/*',
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        // What was not read stands in the way of a next request.
        throw new ProblemError(413, `A request may have ${MAX_BODY_BYTES} bytes`, {}, undefined, {
          connection: 'close',
        })
      },
    }),
  )
  const known = new KnownPrincipals(context)
  const unlessOpen =
    (handler: MiddlewareHandler<GatewayEnv>): MiddlewareHandler<GatewayEnv> =>
    (c, next) =>
      OPEN_PATHS.has(c.req.path) ? next() : handler(c, next)
  app.use('/api/v1/*', unlessOpen(authenticate(context, known)))
  app.use('/api/v1/*', unlessOpen(rateLimit(context.bus, context.config.apiRateLimit)))
  app.use('/api/v1/*', readableInput)
  app.use('/api/v1/*', unlessOpen(idempotency(context)))

  signInRoutes(app, context, known)
  app.openapi(meRoute, (c) => {
    const { kind, name, tenantId } = c.get('principal')
    return c.json({ kind, name, tenantId }, 200)
  })
  apiKeyRoutes(app, context, known)
  serviceRoutes(app, context)
  streamRoutes(app, hub)

  const describe = openApi(context)
  app.get('/openapi.json', async (c) =>
    c.json(
      await describe(
        app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Switchyard', version: '1' } }),
      ),
    ),
  )
  app.all('/api/v1/*', (c) => {
    const path = new URL(c.req.url).pathname.slice('/api/v1/'.length)
    const target = targetOf(path)
    if (!target) throw nothingAt(app.routes, c.req.path)
    return forward(c, target, path, context)
  })
  const page = dashboard(context.config.dashboardDir)
  app.get('*', (c) => page(c))
  return app as unknown as Hono
}

/** What is answered is of this moment and for this caller, and is what its type says. */
const answersOfTheApi: MiddlewareHandler = async (c, next) => {
  await next()
  c.header('cache-control', 'no-store')
  c.header('x-content-type-options', 'nosniff')
}
