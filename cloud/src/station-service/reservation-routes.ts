/** `GET /v1/stations/{stationId}/reservations`: what the station keeps free, and for whom. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { RESERVATION_STATUSES, reservation } from '@switchyard/protocol/api/reservations.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { foundStation } from './found-station.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/reservations',
  summary: 'Reservations of a station, by id: those that it holds, and what became of others',
  description:
    'Made and taken back with the commands ReserveNow and CancelReservation. Of an id that was used again, the newest.',
  request: {
    params: z.object({ stationId: z.string() }),
    query: pageQuery.extend({ status: z.enum(RESERVATION_STATUSES).optional() }),
  },
  responses: { 200: answers('Reservations', page(reservation)), ...problems },
})

interface ReservationRow {
  reservation_id: number
  evse_id: number
  connector_type: string | null
  id_token: string
  id_token_type: string
  group_id: string | null
  made_at: Date
  expires_at: Date
  status: (typeof RESERVATION_STATUSES)[number]
  ended_at: Date | null
  session_id: string | null
}

export function reservationRoutes(app: OpenAPIHono<ServiceEnv>, { sql }: ServiceContext): void {
  app.openapi(list, async (c) => {
    const { stationId } = c.req.valid('param')
    const { limit, cursor, status } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    await foundStation(sql, tenantId, stationId)
    const after = Number(decodeCursor(cursor, 'count')?.[0] ?? -1)
    const rows = await sql<ReservationRow[]>`
      select reservation_id, evse_id, connector_type, id_token, id_token_type, group_id, made_at, expires_at, status,
             ended_at, session_id
      from station.reservation
      where tenant_id = ${tenantId} and station_id = ${stationId} and reservation_id::bigint > ${after}::bigint
        ${status === undefined ? sql`` : sql`and status = ${status}`}
      order by reservation_id limit ${limit + 1}`
    return c.json(
      pageOf(rows, limit, resource, (row) => [String(row.reservation_id)]),
      200,
    )
  })
}

function resource(row: ReservationRow) {
  return {
    reservationId: row.reservation_id,
    evseId: row.evse_id === 0 ? null : row.evse_id,
    connectorType: row.connector_type,
    idToken: { value: row.id_token, type: row.id_token_type },
    groupId: row.group_id,
    madeAt: row.made_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    status: row.status,
    endedAt: row.ended_at?.toISOString() ?? null,
    sessionId: row.session_id,
  }
}
