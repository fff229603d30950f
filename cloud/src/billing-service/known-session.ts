/** What billing knows of a session, and what must be looked up to settle it. */
import type { Billable } from '@switchyard/protocol/billing/decide.ts'
import {
  type Ended,
  impossible,
  type KnownOfSession,
  type LookedUp,
  payableOf,
} from '@switchyard/protocol/billing/settle.ts'
import type { PresumedEnd } from '@switchyard/protocol/billing/told-end.ts'
import { type Tariff, tariff as tariffShape } from '@switchyard/protocol/pricing/tariff.ts'
import type { TransactionSql } from 'postgres'
import type { CdrRow } from './cdrs.ts'
import { tariffOf } from './tariffs.ts'

/** Whose session it is, and where it was. */
export interface SessionRef {
  tenantId: string
  siteId: string
  stationId: string
  sessionId: string
  trace: string | null
  /** Where the fact of its end stands; absent where it is not that fact that is looked at. */
  origin?: { journalId: string; stream: string; seq: number }
}

export interface HeldRow {
  tenant_id: string
  session_id: string
  site_id: string
  station_id: string
  revision: number
  reasons: string[]
  ended: Ended
  /** The newest decision that was heard of when it was held. */
  settlement: number
  /** By that decision it is billed, as soon as there is a tariff. */
  released: boolean
}

export interface Before {
  known: KnownOfSession
  /** What was presumed of its end. */
  presumed: PresumedEnd | undefined
  held: HeldRow | undefined
  /** The CDR that is to be paid, as it was issued. */
  payable: CdrRow | undefined
}

/** Locks what is held of the session, so that no two settle it at once. */
export async function lookBack(
  tx: TransactionSql,
  { tenantId, sessionId }: Pick<SessionRef, 'tenantId' | 'sessionId'>,
): Promise<Before> {
  const [held] = await tx<HeldRow[]>`
    select * from billing.held where tenant_id = ${tenantId} and session_id = ${sessionId} for update`
  const [kept] = await tx<KeptRow[]>`
    select d.revision, d.settlement, d.action, p.revision as presumed_revision, p.shift
      from (select ${tenantId}::text as tenant_id, ${sessionId}::text as session_id) s
      left join billing.decision d using (tenant_id, session_id)
      left join billing.presumed_end p using (tenant_id, session_id)`
  const rows = await tx<CdrRow[]>`
    select * from billing.cdr where tenant_id = ${tenantId} and session_id = ${sessionId} and not credit`
  const cdrs = rows.map((row) => ({
    cdrId: row.cdr_id,
    revision: row.revision,
    credited: row.credited_by !== null,
  }))
  const known = { heldRevision: held?.revision, decided: decidedOf(kept), cdrs }
  return {
    known,
    presumed: presumedOf(kept),
    held,
    payable: rows.find((row) => row.cdr_id === payableOf(known)?.cdrId),
  }
}

interface KeptRow {
  revision: number | null
  settlement: number | null
  action: 'accept' | 'correct' | 'waive' | null
  presumed_revision: number | null
  shift: number | null
}

function decidedOf(row: KeptRow | undefined): KnownOfSession['decided'] {
  if (!row || row.revision === null || row.settlement === null || row.action === null) return undefined
  return { revision: row.revision, settlement: row.settlement, action: row.action }
}

function presumedOf(row: KeptRow | undefined): PresumedEnd | undefined {
  if (!row || row.presumed_revision === null) return undefined
  return { revision: row.presumed_revision, shift: row.shift ?? undefined }
}

export async function keepPresumed(
  tx: TransactionSql,
  { tenantId, sessionId }: Pick<SessionRef, 'tenantId' | 'sessionId'>,
  { revision, shift }: PresumedEnd,
): Promise<void> {
  await tx`
    insert into billing.presumed_end (tenant_id, session_id, revision, shift)
    values (${tenantId}, ${sessionId}, ${revision}, ${shift ?? null})
    on conflict (tenant_id, session_id) do update set revision = excluded.revision, shift = excluded.shift`
}

/** Nothing is looked up for times that are none: they fit no table. */
export async function lookUp(
  tx: TransactionSql,
  session: SessionRef,
  bill: Billable | undefined,
  payable: CdrRow | undefined,
): Promise<{ tariff: Tariff | undefined; found: LookedUp }> {
  const { tenantId, siteId, stationId } = session
  const billsUnidentified = await siteBillsUnidentified(tx, siteId)
  if (bill === undefined || impossible(bill).length > 0)
    return { tariff: undefined, found: { overlaps: false, hasTariff: false, billsUnidentified } }
  // A correction is priced by the tariff that its first bill was.
  const tariff = payable
    ? tariffShape.parse(payable.tariff)
    : await tariffOf(tx, { tenantId, siteId, stationId, startedAt: bill.startedAt })
  const overlaps = (await overlapping(tx, session, bill)).length > 0
  return { tariff, found: { overlaps, hasTariff: tariff !== undefined, billsUnidentified } }
}

async function siteBillsUnidentified(tx: TransactionSql, siteId: string): Promise<boolean> {
  const [site] = await tx<{ bills_unidentified: boolean }[]>`
    select bills_unidentified from billing.site where site_id = ${siteId}`
  return site?.bills_unidentified ?? false
}

/** Most CDRs that are named as overlapping. */
const MAX_OVERLAPPING = 20

/** Payable CDRs of other sessions that had the connector at the same time (`overlap` of settle.ts, in SQL). */
export async function overlapping(
  tx: TransactionSql,
  { tenantId, stationId, sessionId }: Pick<SessionRef, 'tenantId' | 'stationId' | 'sessionId'>,
  bill: Billable,
): Promise<CdrRow[]> {
  if (bill.startedAt === bill.endedAt) return []
  return await tx<CdrRow[]>`
    select * from billing.cdr
    where tenant_id = ${tenantId} and station_id = ${stationId} and evse_id = ${bill.evseId}
      and connector_id = ${bill.connectorId} and not credit and credited_by is null and session_id <> ${sessionId}
      and started_at < ended_at and started_at < ${bill.endedAt} and ended_at > ${bill.startedAt}
    order by started_at limit ${MAX_OVERLAPPING}`
}
