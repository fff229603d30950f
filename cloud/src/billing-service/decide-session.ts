/** A person's decision on a session in review, carried out as protocol/src/billing/decide.ts says. */
import { decide, isNewDecision, isOvertaken } from '@switchyard/protocol/billing/decide.ts'
import type { Ended } from '@switchyard/protocol/billing/settle.ts'
import type { TransactionSql } from 'postgres'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { carryOut, hold, letGo } from './bill-session.ts'
import type { CdrRow } from './cdrs.ts'
import { credit } from './issue-cdr.ts'
import { type Before, lookBack, lookUp, type SessionRef } from './known-session.ts'

type Reviewed = Extract<CloudFact, { kind: 'session.reviewed' }>['data']

export async function decideSession(
  tx: TransactionSql,
  eventLog: EventLog,
  session: SessionRef,
  reviewed: Reviewed,
  now: Date,
): Promise<void> {
  const before = await lookBack(tx, session)
  if (!isNewDecision(before.known, reviewed)) return
  const { revision, settlement } = reviewed
  const data = endedOf(before, reviewed)
  const bill = reviewed.after === null ? undefined : data
  const overtaken = isOvertaken(before.known, reviewed)
  const { tariff, found } = await lookUp(tx, session, overtaken ? undefined : bill, before.payable)
  const decided = decide(before.known, session.sessionId, reviewed, bill, found)
  await remember(tx, session, reviewed)
  switch (decided.does) {
    case 'keep':
      return await letGo(tx, session, revision)
    case 'waive':
      if (decided.credits !== undefined && before.payable !== undefined)
        await credit(tx, eventLog, { ...session, data: endedOfCdr(before.payable) }, before.payable, now)
      return await letGo(tx, session, revision)
    case 'reopen': {
      const newest = before.held?.ended ?? (before.payable && endedOfCdr(before.payable))
      if (newest === undefined) return
      const reasons = [...new Set([...(before.held?.reasons ?? []), ...decided.reasons])]
      const again = { ...session, data: newest }
      return await hold(tx, eventLog, again, reasons, { heard: settlement, released: false }, now)
    }
    default:
      await carryOut(tx, eventLog, { ...session, data }, before, decided, tariff, { settlement }, now)
  }
}

/** What is held, as the decision says it was. */
function endedOf({ held }: Before, { revision, evseId, connectorId, before, after }: Reviewed): Ended {
  const told = held?.revision === revision ? held.ended : undefined
  const { idToken, energyMilliWh, startRegisterMilliWh, endRegisterMilliWh, ...times } = after ?? before
  return {
    revision,
    authorization: told?.authorization ?? 'Accepted',
    reason: told?.reason ?? 'Other',
    presumed: told?.presumed ?? false,
    review: told?.review ?? [],
    profile: told?.profile ?? [],
    transactionId: told?.transactionId ?? '',
    evseId,
    connectorId,
    ...times,
    ...(startRegisterMilliWh === undefined ? {} : { startRegisterMilliWh }),
    ...(endRegisterMilliWh === undefined ? {} : { endRegisterMilliWh }),
    ...(energyMilliWh === undefined ? {} : { energyMilliWh }),
    ...(idToken === undefined ? {} : { idToken }),
  }
}

/** What a CDR says of its session; whatever else its site told stands in the log. */
function endedOfCdr(row: CdrRow): Ended {
  return {
    evseId: row.evse_id,
    connectorId: row.connector_id,
    revision: row.revision,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at.toISOString(),
    durationMs: row.duration_ms,
    energyMilliWh: row.energy_milli_wh,
    // A CDR keeps no type; this one stands for any.
    ...(row.id_token === null ? {} : { idToken: { value: row.id_token, type: 'Central' } }),
    authorization: 'Accepted',
    reason: 'Other',
    presumed: false,
    review: [],
    profile: [],
    transactionId: '',
  }
}

async function remember(
  tx: TransactionSql,
  { tenantId, sessionId }: SessionRef,
  { revision, settlement, action }: Reviewed,
): Promise<void> {
  await tx`
    insert into billing.decision as d (tenant_id, session_id, revision, settlement, action)
    values (${tenantId}, ${sessionId}, ${revision}, ${settlement}, ${action})
    on conflict (tenant_id, session_id) do update set
      revision = excluded.revision, settlement = excluded.settlement, action = excluded.action
    where d.settlement < excluded.settlement`
}
