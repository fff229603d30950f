/** What OCPP 2.1 stations notify of: battery swaps, payments, energy resources and periodic event streams, newest first. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  batterySwap,
  derAlarm,
  derControl,
  eventStream,
  payment,
  stationTariff,
} from '@switchyard/protocol/api/notifications.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { foundStation } from './found-station.ts'
import type { NotifiedKind } from './notified.ts'
import type { NotificationRow } from './project-notifications.ts'

interface List<T extends z.ZodType> {
  path: string
  kind: NotifiedKind
  summary: string
  description: string
  item: T
}

type Row = Pick<NotificationRow, 'key' | 'session_id' | 'at' | 'data'>

export function notificationRoutes(app: OpenAPIHono<ServiceEnv>, { sql }: ServiceContext): void {
  function list<T extends z.ZodType>({ path, kind, summary, description, item }: List<T>): void {
    const route = createRoute({
      method: 'get',
      path: `/v1/stations/{stationId}/${path}`,
      summary,
      description,
      request: { params: z.object({ stationId: z.string() }), query: pageQuery },
      responses: { 200: answers(summary, page(item)), ...problems },
    })
    app.openapi(route, async (c) => {
      const { stationId } = c.req.valid('param')
      const { limit, cursor } = c.req.valid('query')
      const tenantId = c.get('tenantId')
      await foundStation(sql, tenantId, stationId)
      const [at, key] = decodeCursor(cursor, 'instant', 'text') ?? []
      const rows = await sql<Row[]>`
        select key, session_id, at, data from station.notification
        where tenant_id = ${tenantId} and station_id = ${stationId} and kind = ${kind}
          ${at === undefined ? sql`` : sql`and (at, key) < (${at}::timestamptz, ${key!})`}
        order by at desc, key desc limit ${limit + 1}`
      const resource = ({ data, session_id }: Row): z.infer<T> => ({
        ...JSON.parse(data),
        ...(kind === 'payment' ? { sessionId: session_id } : {}),
      })
      return c.json(
        pageOf(rows, limit, resource, (row) => [row.at.toISOString(), row.key]),
        200,
      )
    })
  }

  list({
    path: 'battery-swaps',
    kind: 'battery-swap',
    summary: 'Battery swaps at a station: who, and which batteries went in and came out',
    description:
      'OCPP 2.1, block S. Begun at the station, or with the command RequestBatterySwap, whose requestId the swap then has.',
    item: batterySwap,
  })
  list({
    path: 'payments',
    kind: 'payment',
    summary: "Payments at a station's own terminal, as it told that they were settled or not",
    description:
      'OCPP 2.1, NotifySettlement. What a session costs is billed from its registers, whatever was paid.',
    item: payment,
  })
  list({
    path: 'tariffs',
    kind: 'tariff',
    summary: 'Default tariffs that the site of a station has set on it, or could not, newest first',
    description:
      'OCPP 2.1, SetDefaultTariff, at a site with runningCost. What the station has now is asked with the command GetTariffs.',
    item: stationTariff,
  })
  list({
    path: 'der-alarms',
    kind: 'der-alarm',
    summary: 'Alarms of the grid that a station has told, one for each type of control',
    description: 'OCPP 2.1, NotifyDERAlarm. One that stands is an alert, too.',
    item: derAlarm,
  })
  list({
    path: 'der-controls',
    kind: 'der-control',
    summary: 'Controls of a station as a distributed energy resource, as it has told them',
    description: 'OCPP 2.1: from the reports that GetDERControl asks for, and from NotifyDERStartStop.',
    item: derControl,
  })
  list({
    path: 'event-streams',
    kind: 'event-stream',
    summary: 'Periodic event streams that a station has opened, with the newest value of each',
    description:
      'OCPP 2.1. A station opens one for a monitor whose periodicEventStream says so (SetVariableMonitoring); all values stand in the telemetry of its site.',
    item: eventStream,
  })
}
