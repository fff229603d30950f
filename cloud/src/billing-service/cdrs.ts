/** CDRs as they were issued, newest first. */
import type { Cdr } from '@switchyard/protocol/api/shapes.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import type { Sql } from 'postgres'

export interface CdrRow {
  cdr_id: string
  session_id: string
  revision: number
  settlement: number
  evse_id: number
  connector_id: number
  credit: boolean
  credits: string | null
  credited_by: string | null
  site_id: string
  station_id: string
  id_token: string | null
  driver_id: string | null
  started_at: Date
  ended_at: Date
  duration_ms: number
  energy_milli_wh: number
  currency: string
  /** Decimal text. */
  incl_tax: string
  cost_details: Cdr['costDetails']
  tariff: unknown
  issued_at: Date
}

export interface CdrFilter {
  tenantId: string
  cdrId?: string | undefined
  sessionId?: string | undefined
  siteId?: string | undefined
  stationId?: string | undefined
  driverId?: string | undefined
  /** (issued_at, cdr_id) of the last one seen. */
  after?: string[] | undefined
}

export async function listCdrs(sql: Sql, filter: CdrFilter, limit: number): Promise<CdrRow[]> {
  const { cdrId, sessionId, siteId, stationId, driverId } = filter
  const [issuedAt, afterId] = filter.after ?? []
  return await sql<CdrRow[]>`
    select * from billing.cdr
    where tenant_id = ${filter.tenantId}
      ${cdrId === undefined ? sql`` : sql`and cdr_id = ${cdrId}`}
      ${sessionId === undefined ? sql`` : sql`and session_id = ${sessionId}`}
      ${siteId === undefined ? sql`` : sql`and site_id = ${siteId}`}
      ${stationId === undefined ? sql`` : sql`and station_id = ${stationId}`}
      ${driverId === undefined ? sql`` : sql`and driver_id = ${driverId}`}
      ${afterId === undefined ? sql`` : sql`and (issued_at, cdr_id) < (${issuedAt!}::timestamptz, ${afterId})`}
    order by issued_at desc, cdr_id desc limit ${limit}`
}

export function cdrResource(row: CdrRow): Cdr {
  return {
    cdrId: row.cdr_id,
    sessionId: row.session_id,
    revision: row.revision,
    settlement: row.settlement,
    credit: row.credit,
    credits: row.credits,
    siteId: row.site_id,
    stationId: row.station_id,
    idToken: row.id_token,
    driverId: row.driver_id,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at.toISOString(),
    energyWh: apiEnergyWh(row.energy_milli_wh),
    durationMs: row.duration_ms,
    cost: { amount: row.incl_tax, currency: row.currency },
    costDetails: row.cost_details,
    issuedAt: row.issued_at.toISOString(),
  }
}
