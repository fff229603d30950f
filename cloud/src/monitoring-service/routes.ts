/** `/v1/alerts` and `/v1/sites/{siteId}/health`. */
import { createRoute, z } from '@hono/zod-openapi'
import { alert, page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { live } from '@switchyard/protocol/site/live.ts'
import { BUS } from '../platform/bus.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { createServiceApp } from '../platform/http/openapi.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { Routes, ServiceContext } from '../platform/service.ts'
import { alertResource, findSite, listAlerts } from './queries.ts'

const siteHealth = z
  .object({
    siteId: z.string(),
    online: z.boolean(),
    since: z.iso.datetime(),
    lastHeardAt: z.iso.datetime().nullable(),
    /** Rows at the site that are not here yet; null when it has not told lately. */
    backlog: z.object({ ledger: z.int(), telemetry: z.int() }).nullable(),
    openAlerts: z.int(),
  })
  .meta({ id: 'SiteHealth' })

const alertsRoute = createRoute({
  method: 'get',
  path: '/v1/alerts',
  summary: 'Alerts, newest first',
  request: {
    query: pageQuery.extend({
      open: z
        .enum(['true', 'false'])
        .optional()
        .meta({ description: 'Only open ones, or only cleared ones' }),
      siteId: z.string().optional(),
    }),
  },
  responses: { 200: answers('Alerts', page(alert)), ...problems },
})
const healthRoute = createRoute({
  method: 'get',
  path: '/v1/sites/{siteId}/health',
  summary: 'Whether a site is heard from, and how far behind its journal is',
  request: { params: z.object({ siteId: z.string() }) },
  responses: { 200: answers('Health', siteHealth), ...problems },
})
/** Most open alerts that are counted for one site. */
const MAX_COUNTED = 500

export function monitoringRoutes({ sql, bus, log, config }: ServiceContext): Routes {
  const app = createServiceApp({ name: 'monitoring-service', log, serviceKey: config.serviceKey })
  app.openapi(alertsRoute, async (c) => {
    const { limit, cursor, open, siteId } = c.req.valid('query')
    const after = decodeCursor(cursor, 'instant', 'text')
    const filter = {
      tenantId: c.get('tenantId'),
      open: open === undefined ? undefined : open === 'true',
      siteId,
      after,
    }
    const rows = await listAlerts(sql, filter, limit + 1)
    return c.json(
      pageOf(rows, limit, alertResource, (row) => [row.raised_at.toISOString(), row.alert_id]),
      200,
    )
  })
  app.openapi(healthRoute, async (c) => {
    const { siteId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const row = await findSite(sql, tenantId, siteId)
    if (!row) throw notFound(`Site ${siteId} has not been heard from`)
    const open = await listAlerts(sql, { tenantId, open: true, siteId, after: undefined }, MAX_COUNTED)
    const picture = live.safeParse(await bus.get(BUS.livePicture(siteId)))
    return c.json(
      {
        siteId,
        online: row.online,
        since: row.since.toISOString(),
        lastHeardAt: row.last_heard_at?.toISOString() ?? null,
        backlog: picture.success ? picture.data.backlog : null,
        openAlerts: open.length,
      },
      200,
    )
  })
  return app as unknown as Routes
}
