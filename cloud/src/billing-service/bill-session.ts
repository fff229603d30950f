/**
 * An ended session becomes a CDR and an invoice line, or is held with its reasons, as protocol/src/billing/settle.ts says: in one
 * transaction with what is told to the others (invariants I4, I12, I13).
 */
import { release } from '@switchyard/protocol/billing/decide.ts'
import {
  type Ended,
  isNewer,
  newestRevision,
  type Settled,
  settle,
  settleAnyhow,
} from '@switchyard/protocol/billing/settle.ts'
import { placeEnd } from '@switchyard/protocol/billing/told-end.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { credit, issue } from './issue-cdr.ts'
import {
  type Before,
  type HeldRow,
  keepPresumed,
  lookBack,
  lookUp,
  type SessionRef,
} from './known-session.ts'

export interface EndedSession extends SessionRef {
  data: Ended
}

/**
 * Bills or holds an end of a session. One that is not newer than what is billed, held or decided changes nothing, nor one that is
 * presumed where an end was told.
 */
export async function billSession(
  tx: TransactionSql,
  eventLog: EventLog,
  told: EndedSession,
  now: Date,
): Promise<void> {
  const before = await lookBack(tx, told)
  const { known, presumed } = before
  const placed = placeEnd(told.data, presumed, newestRevision(known) > 0 || known.decided !== undefined)
  // Of what comes twice nothing more need be looked up.
  if (!placed || !isNewer(known, placed.ended)) return
  if (placed.presumed && placed.presumed !== presumed) await keepPresumed(tx, told, placed.presumed)
  const session = { ...told, data: placed.ended }
  const { tariff, found } = await lookUp(tx, session, session.data, before.payable)
  const settled = settle(before.known, session.sessionId, session.data, found)
  await carryOut(tx, eventLog, session, before, settled, tariff, { settlement: 0 }, now)
}

/** Tries a held session again. */
export async function rebillHeld(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  { revision, settlement, released }: HeldRow,
  now: Date,
): Promise<void> {
  const { sessionId, data } = session
  const before = await lookBack(tx, session)
  const { tariff, found } = await lookUp(tx, session, data, before.payable)
  const settled = released
    ? release(before.known, sessionId, revision, settlement, data, found)
    : settleAnyhow(before.known, sessionId, data, found)
  const by = { settlement: released ? settlement : 0 }
  await carryOut(tx, eventLog, session, before, settled, tariff, by, now)
}

/** `settlement`: the decision of a person that leads to it, 0 where none does. */
export async function carryOut(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  { known, payable }: Before,
  settled: Settled,
  tariff: Tariff | undefined,
  { settlement }: { settlement: number },
  now: Date,
): Promise<void> {
  if (settled.does === 'hold') {
    const heard = Math.max(settlement, known.decided?.settlement ?? 0)
    return await hold(tx, eventLog, session, settled.reasons, { heard, released: settlement > 0 }, now)
  }
  if (settled.does === 'nothing' || tariff === undefined) return
  if (settled.credits !== undefined && payable !== undefined)
    await credit(tx, eventLog, session, payable, now)
  await issue(tx, eventLog, session, { cdrId: settled.cdrId, settlement, tariff }, now)
}

/** `heard`: the newest decision that was heard of; `released`: it is billed by that as soon as it can be. */
export async function hold(
  tx: TransactionSql,
  eventLog: EventLog,
  { tenantId, siteId, stationId, sessionId, trace, origin, data }: EndedSession,
  reasons: string[],
  { heard, released }: { heard: number; released: boolean },
  now: Date,
): Promise<void> {
  const rows = await tx`
    insert into billing.held as h
      (tenant_id, session_id, revision, reasons, site_id, station_id, ended, held_at, settlement, released)
    values (${tenantId}, ${sessionId}, ${data.revision}, ${reasons}, ${siteId}, ${stationId}, ${tx.json(data as never)},
            ${now}, ${heard}, ${released})
    on conflict (tenant_id, session_id) do update set
      revision = excluded.revision, reasons = excluded.reasons, ended = excluded.ended,
      settlement = excluded.settlement, released = excluded.released
    where h.revision < excluded.revision or h.reasons <> excluded.reasons or h.settlement < excluded.settlement
    returning 1`
  if (rows.length === 0) return
  await eventLog.publish(tx, {
    tenantId,
    siteId,
    stationId,
    sessionId,
    kind: 'session.held',
    at: now.toISOString(),
    data: {
      revision: data.revision,
      reasons,
      settlement: heard,
      ended: data,
      ...(origin === undefined ? {} : { origin }),
    },
    ...(trace === null ? {} : { trace }),
  })
}

/** Nothing of the session waits any more, up to this revision. */
export async function letGo(
  tx: TransactionSql,
  { tenantId, sessionId }: Pick<SessionRef, 'tenantId' | 'sessionId'>,
  revision: number,
): Promise<void> {
  await tx`
    delete from billing.held
    where tenant_id = ${tenantId} and session_id = ${sessionId} and revision <= ${revision}`
}
