/** Reads and writes of the review queue; every query is scoped by the tenant. */
import type { JSONValue, Sql, TransactionSql } from 'postgres'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { ReviewRow, SettlementRow } from './review-row.ts'
import type { SessionRow } from './session-row.ts'

type AnySql = Sql | TransactionSql
type Reviewed = Extract<CloudFact, { kind: 'session.reviewed' }>['data']

export interface ReviewFilter {
  tenantId: string
  status?: ReviewRow['status'] | undefined
  siteId?: string | undefined
  stationId?: string | undefined
  reason?: string | undefined
  /** (opened_at, session_id) of the last one seen; of those that are settled settled_at. */
  after?: string[] | undefined
}

/** What waits longest comes first; what is settled, newest first. */
export async function listReviews(sql: Sql, filter: ReviewFilter, limit: number): Promise<ReviewRow[]> {
  const { status, siteId, stationId, reason } = filter
  const [at, afterId] = filter.after ?? []
  const settled = status === 'settled'
  const after = settled
    ? sql`and (settled_at, session_id) < (${at ?? null}::timestamptz, ${afterId ?? null})`
    : sql`and (opened_at, session_id) > (${at ?? null}::timestamptz, ${afterId ?? null})`
  return await sql<ReviewRow[]>`
    select * from station.review
    where tenant_id = ${filter.tenantId}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${siteId === undefined ? sql`` : sql`and site_id = ${siteId}`}
      ${stationId === undefined ? sql`` : sql`and station_id = ${stationId}`}
      ${reason === undefined ? sql`` : sql`and ${reason} = any(reasons)`}
      ${afterId === undefined ? sql`` : after}
    order by ${settled ? sql`settled_at desc, session_id desc` : sql`opened_at, session_id`} limit ${limit}`
}

export async function findReview(
  sql: AnySql,
  tenantId: string,
  sessionId: string,
): Promise<ReviewRow | undefined> {
  const rows = await sql<ReviewRow[]>`
    select * from station.review where tenant_id = ${tenantId} and session_id = ${sessionId}`
  return rows[0]
}

/** The same, so that two decisions come one after the other; the session comes first, as in the projection. */
export async function lockReview(
  tx: TransactionSql,
  tenantId: string,
  sessionId: string,
): Promise<ReviewRow | undefined> {
  await tx`
    select 1 from station.session where tenant_id = ${tenantId} and session_id = ${sessionId} for update`
  const rows = await tx<ReviewRow[]>`
    select * from station.review where tenant_id = ${tenantId} and session_id = ${sessionId} for update`
  return rows[0]
}

/** Decisions on these sessions, oldest first. */
export async function settlementsOf(
  sql: AnySql,
  tenantId: string,
  sessionIds: readonly string[],
): Promise<SettlementRow[]> {
  return await sql<SettlementRow[]>`
    select * from station.settlement
    where tenant_id = ${tenantId} and session_id = any(${sessionIds as string[]})
    order by session_id, settlement`
}

export async function insertSettlement(
  tx: TransactionSql,
  { tenantId, sessionId, at }: { tenantId: string; sessionId: string; at: Date },
  { settlement, revision, action, by, note, override, before, after }: Reviewed,
): Promise<void> {
  const json = (value: Reviewed['after']) => (value === null ? null : tx.json(value as JSONValue))
  await tx`
    insert into station.settlement
      (session_id, settlement, tenant_id, revision, action, by_actor, by_name, note, override, before, after, settled_at)
    values (${sessionId}, ${settlement}, ${tenantId}, ${revision}, ${action}, ${by.actor}, ${by.name}, ${note},
            ${override}, ${json(before)}, ${json(after)}, ${at})
    on conflict do nothing`
}

/** The item is settled and its session says so, at once and not only when the fact of it comes round. */
export async function settleReview(
  tx: TransactionSql,
  { tenantId, sessionId, at }: { tenantId: string; sessionId: string; at: Date },
  { settlement, revision, action }: Reviewed,
): Promise<void> {
  await tx`
    update station.session set held = '{}', waived = ${action === 'waive'},
      bill_revision = ${revision}, bill_settlement = ${settlement}, bill_rank = 0
    where tenant_id = ${tenantId} and session_id = ${sessionId}`
  await tx`
    update station.review set status = 'settled', settled_at = ${at}, settlement = ${settlement}, rank = 0
    where tenant_id = ${tenantId} and session_id = ${sessionId}`
}

/** The sessions before and after a time on a connector. */
export async function neighboursOf(
  sql: Sql,
  at: {
    tenantId: string
    stationId: string
    evseId: number
    connectorId: number
    sessionId: string
    from: Date
  },
): Promise<{ previous: SessionRow | undefined; next: SessionRow | undefined }> {
  const there = sql`
    tenant_id = ${at.tenantId} and station_id = ${at.stationId} and evse_id = ${at.evseId}
    and connector_id = ${at.connectorId} and session_id <> ${at.sessionId}`
  const [previous] = await sql<SessionRow[]>`
    select * from station.session where ${there} and started_at <= ${at.from}
    order by started_at desc, session_id desc limit 1`
  const [next] = await sql<SessionRow[]>`
    select * from station.session where ${there} and started_at > ${at.from}
    order by started_at, session_id limit 1`
  return { previous, next }
}

/** Largest power that an operator wants of a station; undefined: nobody has said. */
export async function wantedMaxPowerW(
  sql: Sql,
  tenantId: string,
  stationId: string,
): Promise<number | undefined> {
  const [row] = await sql<{ wanted_max_power_w: number | null }[]>`
    select wanted_max_power_w from station.station where tenant_id = ${tenantId} and station_id = ${stationId}`
  return row?.wanted_max_power_w ?? undefined
}
