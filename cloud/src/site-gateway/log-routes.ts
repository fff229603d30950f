/** `/v1/stations/{stationId}/logs`: what stations have uploaded, listed and downloaded. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { stationLog } from '@switchyard/protocol/api/logs.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { stream } from 'hono/streaming'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { piecesOf } from './pieces.ts'
import { UPLOADS, type UploadRow } from './uploads.ts'

const stationParam = z.object({ stationId: z.string().max(255) })
const logParam = stationParam.extend({ logId: z.string().max(64) })

const list = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/logs',
  summary:
    'Logs and diagnostics that the station has uploaded at its site, newest first; they are kept for 30 days',
  request: { params: stationParam, query: pageQuery },
  responses: { 200: answers('Logs', page(stationLog)), ...problems },
})
const content = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/logs/{logId}/content',
  summary: 'The file itself, as the station sent it; 409 while it is still on its way from the site',
  request: { params: logParam },
  responses: {
    200: { description: 'The file', content: { 'application/octet-stream': { schema: z.string() } } },
    ...problems,
  },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/stations/{stationId}/logs/{logId}',
  summary: 'Removes a log before its time',
  request: { params: logParam },
  responses: { 204: { description: 'Removed' }, ...problems },
})

export function logRoutes(app: OpenAPIHono<ServiceEnv>, { sql }: Pick<ServiceContext, 'sql'>): void {
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const { stationId } = c.req.valid('param')
    const [at, id] = decodeCursor(cursor, 'instant', 'text') ?? []
    const rows = await sql<UploadRow[]>`
      select * from site_gateway.upload
       where tenant_id = ${c.get('tenantId')} and station_id = ${stationId}
         ${at === undefined ? sql`` : sql`and (received_at, file_id) < (${new Date(at)}, ${id!})`}
       order by received_at desc, file_id desc limit ${limit + 1}`
    return c.json(
      pageOf(rows, limit, resource, (row) => [row.received_at.toISOString(), row.file_id]),
      200,
    )
  })

  app.openapi(content, async (c) => {
    const { stationId, logId } = c.req.valid('param')
    const [row] = await sql<UploadRow[]>`
      select * from site_gateway.upload
       where tenant_id = ${c.get('tenantId')} and station_id = ${stationId} and file_id = ${logId}`
    if (!row) throw notFound(`There is no log ${logId} of ${stationId}`)
    if (!row.complete)
      throw conflict(`${row.here} of ${row.bytes} bytes are here; the rest is on its way from the site`)
    // Never shown by a browser: it is whatever a station has sent.
    c.header('content-type', 'application/octet-stream')
    c.header('content-disposition', `attachment; filename="${row.name ?? `${row.kind}-${row.file_id}`}"`)
    c.header('content-length', row.bytes)
    c.header('x-content-type-options', 'nosniff')
    return stream(c, async (out) => {
      for await (const piece of piecesOf(sql, UPLOADS, logId)) {
        if (out.aborted) return
        await out.write(piece)
      }
    })
  })

  app.openapi(remove, async (c) => {
    const { stationId, logId } = c.req.valid('param')
    const gone = await sql`
      delete from site_gateway.upload
       where tenant_id = ${c.get('tenantId')} and station_id = ${stationId} and file_id = ${logId} returning 1`
    if (gone.length === 0) throw notFound(`There is no log ${logId} of ${stationId}`)
    return c.body(null, 204)
  })
}

function resource(row: UploadRow) {
  return {
    logId: row.file_id,
    stationId: row.station_id,
    siteId: row.site_id,
    commandId: row.command_id,
    kind: row.kind,
    name: row.name,
    bytes: Number(row.bytes),
    bytesHere: Number(row.here),
    sha256: row.sha256,
    status: row.complete ? ('ready' as const) : ('transferring' as const),
    receivedAt: row.received_at.toISOString(),
  }
}
