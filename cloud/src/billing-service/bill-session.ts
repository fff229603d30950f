/**
 * An ended session becomes a CDR and an invoice line, or is held with its reasons, as protocol/src/billing/settle.ts says: in one
 * transaction with what is told to the others (invariants I4, I12, I13).
 */
import {
  type Ended,
  isNewer,
  type KnownOfSession,
  type LookedUp,
  objections,
  payableOf,
  settle,
  settleAnyhow,
} from '@switchyard/protocol/billing/settle.ts'
import { type Tariff, tariff as tariffShape } from '@switchyard/protocol/pricing/tariff.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import type { CdrRow } from './cdrs.ts'
import { credit, issue } from './issue-cdr.ts'
import { tariffOf } from './tariffs.ts'

export interface EndedSession {
  tenantId: string
  siteId: string
  stationId: string
  sessionId: string
  trace: string | null
  data: Ended
}

/** Bills or holds a revision of a session. A revision that is not newer than what is billed or held changes nothing. */
export async function billSession(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  now: Date,
): Promise<void> {
  const before = await lookBack(tx, session)
  // Most of what comes twice is known by now, and nothing more need be looked up.
  if (!isNewer(before.known, session.data)) return
  await carryOut(tx, eventLog, session, before, settle, now)
}

/** Tries a held session again. */
export async function rebillHeld(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  now: Date,
): Promise<void> {
  await carryOut(tx, eventLog, session, await lookBack(tx, session), settleAnyhow, now)
}

interface Before {
  known: KnownOfSession
  /** The CDR that is to be paid, as it was issued. */
  payable: CdrRow | undefined
}

async function lookBack(tx: TransactionSql, { tenantId, sessionId }: EndedSession): Promise<Before> {
  const [held] = await tx<{ revision: number }[]>`
    select revision from billing.held where tenant_id = ${tenantId} and session_id = ${sessionId} for update`
  const rows = await tx<CdrRow[]>`
    select * from billing.cdr where tenant_id = ${tenantId} and session_id = ${sessionId} and not credit`
  const cdrs = rows.map((row) => ({
    cdrId: row.cdr_id,
    revision: row.revision,
    credited: row.credited_by !== null,
  }))
  const known = { heldRevision: held?.revision, cdrs }
  return { known, payable: rows.find((row) => row.cdr_id === payableOf(known)?.cdrId) }
}

async function carryOut(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  { known, payable }: Before,
  decide: typeof settle,
  now: Date,
): Promise<void> {
  const { tariff, found } = await lookUp(tx, session, payable)
  const settled = decide(known, session.sessionId, session.data, found)
  if (settled.does === 'hold') return await hold(tx, eventLog, session, settled.reasons, now)
  if (settled.does === 'nothing' || tariff === undefined) return
  if (settled.credits !== undefined && payable !== undefined)
    await credit(tx, eventLog, session, payable, now)
  await issue(tx, eventLog, session, settled.cdrId, tariff, now)
}

async function lookUp(
  tx: TransactionSql,
  session: EndedSession,
  payable: CdrRow | undefined,
): Promise<{ tariff: Tariff | undefined; found: LookedUp }> {
  const { tenantId, siteId, stationId, data } = session
  if (objections(data).length > 0) return { tariff: undefined, found: { overlaps: false, hasTariff: false } }
  // A correction is priced by the tariff that its first bill was.
  const tariff = payable
    ? tariffShape.parse(payable.tariff)
    : await tariffOf(tx, { tenantId, siteId, stationId, startedAt: data.startedAt })
  return { tariff, found: { overlaps: await overlaps(tx, session), hasTariff: tariff !== undefined } }
}

async function overlaps(tx: TransactionSql, { tenantId, stationId, sessionId, data }: EndedSession) {
  if (data.startedAt === data.endedAt) return false
  const rows = await tx`
    select 1 from billing.cdr
    where tenant_id = ${tenantId} and station_id = ${stationId} and evse_id = ${data.evseId}
      and connector_id = ${data.connectorId} and not credit and credited_by is null and session_id <> ${sessionId}
      and started_at < ended_at and started_at < ${data.endedAt} and ended_at > ${data.startedAt}
    limit 1`
  return rows.length > 0
}

async function hold(
  tx: TransactionSql,
  eventLog: EventLog,
  { tenantId, siteId, stationId, sessionId, trace, data }: EndedSession,
  reasons: string[],
  now: Date,
): Promise<void> {
  const rows = await tx`
    insert into billing.held as h (tenant_id, session_id, revision, reasons, site_id, station_id, ended, held_at)
    values (${tenantId}, ${sessionId}, ${data.revision}, ${reasons}, ${siteId}, ${stationId}, ${tx.json(data as never)},
            ${now})
    on conflict (tenant_id, session_id) do update set
      revision = excluded.revision, reasons = excluded.reasons, ended = excluded.ended
    where h.revision < excluded.revision or h.reasons <> excluded.reasons
    returning 1`
  if (rows.length === 0) return
  await eventLog.publish(tx, {
    tenantId,
    siteId,
    stationId,
    sessionId,
    kind: 'session.held',
    at: now.toISOString(),
    data: { revision: data.revision, reasons },
    ...(trace === null ? {} : { trace }),
  })
}
