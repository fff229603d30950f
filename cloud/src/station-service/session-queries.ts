/** Reads of charging sessions, newest first. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import type { Sql } from 'postgres'
import { sessionInPicture } from './live-picture.ts'
import type { SessionRow } from './session-row.ts'

export interface SessionFilter {
  tenantId: string
  sessionId?: string | undefined
  siteId?: string | undefined
  stationId?: string | undefined
  status?: Session['status'] | undefined
  /** Started at or after, and before. */
  from?: string | undefined
  to?: string | undefined
  /** (started_at, session_id) of the last one seen. */
  after?: string[] | undefined
}

export async function listSessions(sql: Sql, filter: SessionFilter, limit: number): Promise<SessionRow[]> {
  const { sessionId, siteId, stationId, status, from, to } = filter
  const [startedAt, afterId] = filter.after ?? []
  return await sql<SessionRow[]>`
    select * from station.session
    where tenant_id = ${filter.tenantId}
      ${sessionId === undefined ? sql`` : sql`and session_id = ${sessionId}`}
      ${siteId === undefined ? sql`` : sql`and site_id = ${siteId}`}
      ${stationId === undefined ? sql`` : sql`and station_id = ${stationId}`}
      ${status === undefined ? sql`` : statusIs(sql, status)}
      ${from === undefined ? sql`` : sql`and started_at >= ${from}`}
      ${to === undefined ? sql`` : sql`and started_at < ${to}`}
      ${afterId === undefined ? sql`` : sql`and (started_at, session_id) < (${startedAt!}::timestamptz, ${afterId})`}
    order by started_at desc, session_id desc limit ${limit}`
}

function statusIs(sql: Sql, status: Session['status']) {
  if (status === 'running') return sql`and revision = 0`
  if (status === 'waived') return sql`and revision > 0 and waived`
  return status === 'review'
    ? sql`and revision > 0 and ${waits(sql)}`
    : sql`and revision > 0 and not waived and not ${waits(sql)}`
}

/** Held by billing, or by its site where billing has not heard of it; nobody waits for one that was turned away and took nothing. */
function waits(sql: Sql) {
  return sql`(held <> '{}' or (review <> '{}' and bill_revision < revision
                               and not ("authorization" <> 'Accepted' and energy_milli_wh is not distinct from 0)))`
}

/** The same of a row. */
function isWaiting(row: SessionRow): boolean {
  const tookNothing = row.authorization !== 'Accepted' && row.energy_milli_wh === 0
  return row.held.length > 0 || (row.review.length > 0 && row.bill_revision < row.revision && !tookNothing)
}

/** Running sessions that go on at these stations now. */
export async function runningAt(
  sql: Sql,
  tenantId: string,
  stationIds: readonly string[],
): Promise<SessionRow[]> {
  return await sql<SessionRow[]>`
    select * from station.session
    where tenant_id = ${tenantId} and station_id = any(${stationIds as string[]}) and revision = 0 and current
    order by started_at desc`
}

function missingEventsOf(told: string | null): Session['missingEvents'] {
  if (told === null) return null
  const { missing, lost = false } = JSON.parse(told) as FactData<'session.gap'>
  return { numbers: missing, lost }
}

function stationCostOf(told: string | null): Session['stationCost'] {
  if (told === null) return null
  const {
    at,
    final,
    currency,
    exclTax = null,
    inclTax = null,
  } = JSON.parse(told) as FactData<'session.station-cost'>
  return { at, final, currency, exclTax, inclTax }
}

/** The resource; a running session takes its newest readings from the picture where that is not older than the facts. */
export function sessionResource(row: SessionRow, picture: Live | undefined, now: Date): Session {
  const running = row.revision === 0
  const live = running
    ? sessionInPicture(picture, {
        sessionId: row.session_id,
        stationId: row.station_id,
        journalId: row.journal_id,
        ledgerSeq: row.ledger_seq,
        readAt: row.read_at,
      })
    : undefined
  const waiting = !running && isWaiting(row)
  const energy = live?.energyMilliWh ?? row.energy_milli_wh
  return {
    sessionId: row.session_id,
    siteId: row.site_id,
    stationId: row.station_id,
    evseId: row.evse_id,
    connectorId: row.connector_id,
    status: running ? 'running' : waiting ? 'review' : row.waived ? 'waived' : 'ended',
    transactionId: row.transaction_id,
    idToken: row.id_token === null ? null : { value: row.id_token, type: row.id_token_type ?? '' },
    authorization: row.authorization,
    commandId: row.command_id,
    missingEvents: missingEventsOf(row.missing_events),
    priorityCharging: row.priority_charging,
    stationCost: stationCostOf(row.station_cost),
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    durationMs: running ? Math.max(0, now.getTime() - row.started_at.getTime()) : row.duration_ms,
    energyWh: energy === null ? null : apiEnergyWh(energy),
    powerW: live?.powerW ?? row.power_w,
    currentMa: live?.currentMa ?? row.current_ma,
    socPercent: live?.socPercent ?? row.soc_percent,
    readAt: live?.readAt ?? row.read_at?.toISOString() ?? null,
    reason: row.reason,
    presumed: row.presumed,
    revision: row.revision,
    review: waiting ? [...new Set([...row.review, ...row.held])] : [],
    cost: row.cost_amount === null ? null : { amount: row.cost_amount, currency: row.cost_currency ?? '' },
    costDetails: row.cost_details,
    ledgerSeq: row.ledger_seq,
  }
}
