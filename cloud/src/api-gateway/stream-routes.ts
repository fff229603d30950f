/** `/api/v1/stream`: Server-Sent Events, resumed by Last-Event-ID. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { problems } from '../platform/http/responses.ts'
import type { GatewayEnv } from './authenticate.ts'
import type { StreamHub } from './stream-hub.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/stream',
  summary: 'What happens, as it happens',
  description:
    'Server-Sent Events. `live`: the current picture of a site (first of all, then on change; no id). `fact`: something happened, with an id to resume from by `Last-Event-ID`; the lists show it by then. `reset`: too much was missed, read the lists again. A stream ends within 15 s of its key or sign-in.',
  request: { headers: z.object({ 'last-event-id': z.string().max(256).optional() }) },
  responses: {
    200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems,
  },
})

export function streamRoutes(app: OpenAPIHono<GatewayEnv>, hub: StreamHub): void {
  app.openapi(route, async (c) => {
    const client = await hub.open(c.get('principal'), c.req.valid('header')['last-event-id'])
    c.req.raw.signal.addEventListener('abort', () => client.close(), { once: true })
    return new Response(client.body, {
      headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
    }) as never
  })
}
