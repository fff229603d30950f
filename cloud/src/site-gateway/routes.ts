/** What other services ask of the gateway. */
import { createRoute, z } from '@hono/zod-openapi'
import { SITE_ID_PATTERN, UP_CHANNELS, upTopic } from '@switchyard/protocol/site/topics.ts'
import type { Hono } from 'hono'
import { sleep } from '../platform/clock.ts'
import { createServiceApp } from '../platform/http/openapi.ts'
import { notFound } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Credentials } from './credentials.ts'
import type { Send } from './down.ts'
import { firmwareRoutes } from './firmware-routes.ts'
import { laneRoutes } from './lane-routes.ts'
import { logRoutes } from './log-routes.ts'
import { poisonRoutes } from './poison-routes.ts'
import { uploadRoutes } from './upload-routes.ts'
import type { Uploads } from './uploads.ts'

/** So long the first word of a direct site is held for the site to be known here. */
const NEW_SITE_WAIT_MS = 1_000
const NEW_SITE_LOOK_MS = 50

const siteParam = z.object({ siteId: z.string().regex(SITE_ID_PATTERN, 'is no site id') })
const credential = z.object({ username: z.string(), password: z.string() }).meta({ id: 'SiteCredential' })
const pending = z
  .object({ commandId: z.string(), sentAt: z.iso.datetime().nullable() })
  .meta({ id: 'PendingCommand' })

const putCredential = createRoute({
  method: 'put',
  path: '/v1/credentials/{siteId}',
  summary: 'Makes a new broker secret for a site; it is told once, and the one before stops working',
  request: { params: siteParam },
  responses: { 200: { description: 'Made', content: { 'application/json': { schema: credential } } } },
})
const deleteCredential = createRoute({
  method: 'delete',
  path: '/v1/credentials/{siteId}',
  summary: 'Takes the broker secret of a site away',
  request: { params: siteParam },
  responses: { 204: { description: 'Gone' } },
})
const getPending = createRoute({
  method: 'get',
  path: '/v1/commands/{commandId}',
  summary: 'A command without an outcome yet: whether it was handed to the broker',
  request: { params: z.object({ commandId: z.string().max(64) }) },
  responses: { 200: { description: 'Pending', content: { 'application/json': { schema: pending } } } },
})

export interface RoutesOptions {
  send: Send
  credentials: Credentials
  uploads: Uploads
  /** A message of a site, as it comes from the broker. */
  received(topic: string, payload: Buffer): void
}

export function createRoutes(
  context: ServiceContext,
  { send, credentials, uploads, received }: RoutesOptions,
): Hono {
  const { log, config, sql, clock } = context
  const app = createServiceApp({ name: 'site-gateway', log, serviceKey: config.serviceKey })
  app.openapi(putCredential, async (c) =>
    c.json(await credentials.issue(c.get('tenantId'), c.req.valid('param').siteId), 200),
  )
  app.openapi(deleteCredential, async (c) => {
    const { siteId } = c.req.valid('param')
    if (!(await credentials.revoke(c.get('tenantId'), siteId))) throw notFound(`site ${siteId} has no secret`)
    return c.body(null, 204)
  })
  app.openapi(getPending, async (c) => {
    const { commandId } = c.req.valid('param')
    const [row] = await sql<{ sent_at: Date | null }[]>`
      select sent_at from site_gateway.pending_command
       where command_id = ${commandId} and tenant_id = ${c.get('tenantId')} and not settled`
    if (!row) throw notFound(`command ${commandId} is not pending`)
    return c.json({ commandId, sentAt: row.sent_at?.toISOString() ?? null }, 200)
  })
  // Bytes, not JSON: outside of the OpenAPI document. 204 says no more than a broker's acknowledgement does.
  app.post('/v1/up/:siteId/:channel', async (c) => {
    const { siteId, channel } = c.req.param()
    const known = UP_CHANNELS.find((it) => it === channel)
    if (known === undefined || !SITE_ID_PATTERN.test(siteId)) throw notFound(`no channel ${channel}`)
    // The station may be through the door of a site that was made a moment ago, before that has come here.
    const until = clock.mono() + (known === 'hello' ? NEW_SITE_WAIT_MS : 0)
    for (;;) {
      const [site] = await sql`
        select 1 from site_gateway.site where site_id = ${siteId} and tenant_id = ${c.get('tenantId')} and direct`
      if (site) break
      if (clock.mono() >= until) throw notFound(`site ${siteId} is no direct site of this tenant`)
      await sleep(clock, NEW_SITE_LOOK_MS)
    }
    received(upTopic(siteId, known), Buffer.from(await c.req.arrayBuffer()))
    return c.body(null, 204)
  })
  laneRoutes(app, context, send)
  uploadRoutes(app, context, uploads)
  logRoutes(app, context)
  firmwareRoutes(app, context)
  poisonRoutes(app, context)
  return app as unknown as Hono
}
