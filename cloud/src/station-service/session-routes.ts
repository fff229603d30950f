/** `/v1/sessions`: charging sessions, newest first. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { instantInput, page, pageQuery, session } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { livePictures } from './live-picture.ts'
import { listSessions, sessionResource } from './session-queries.ts'
import type { SessionRow } from './session-row.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/sessions',
  summary: 'Charging sessions, newest first',
  request: {
    query: pageQuery.extend({
      siteId: z.string().optional(),
      stationId: z.string().optional(),
      status: z.enum(['running', 'ended', 'review', 'waived']).optional(),
      from: instantInput.optional().meta({ description: 'Started then or later' }),
      to: instantInput.optional().meta({ description: 'Started before' }),
    }),
  },
  responses: { 200: answers('Sessions', page(session)), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/sessions/{sessionId}',
  summary: 'A charging session, with its cost explained once it is billed',
  request: { params: z.object({ sessionId: z.string() }) },
  responses: { 200: answers('The session', session), ...problems },
})

export function sessionRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, bus, clock } = context

  async function resources(rows: readonly SessionRow[]) {
    const running = rows.filter((r) => r.revision === 0).map((r) => r.site_id)
    const pictures = await livePictures(bus, running)
    const now = new Date(clock.now())
    return rows.map((row) => sessionResource(row, pictures.get(row.site_id), now))
  }

  app.openapi(list, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const after = decodeCursor(cursor, 'instant', 'text')
    const rows = await listSessions(sql, { tenantId: c.get('tenantId'), ...filter, after }, limit + 1)
    const { items, next } = pageOf(
      rows,
      limit,
      (row) => row,
      (row) => [row.started_at.toISOString(), row.session_id],
    )
    return c.json({ items: await resources(items), next }, 200)
  })

  app.openapi(get, async (c) => {
    const { sessionId } = c.req.valid('param')
    const rows = await listSessions(sql, { tenantId: c.get('tenantId'), sessionId }, 1)
    if (rows.length === 0) throw notFound(`There is no session ${sessionId}`)
    const [shown] = await resources(rows)
    return c.json(shown!, 200)
  })
}
