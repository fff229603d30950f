/**
 * An ended session becomes a CDR and an invoice line, or is held with its reasons: in one transaction with what is told to
 * the others. Ids come from the session and its revision, so that doing it twice changes nothing (invariants I4, I12, I13).
 */
import type { Cdr, CostDetails } from '@switchyard/protocol/api/shapes.ts'
import { isKeepable, parseInstant } from '@switchyard/protocol/instant.ts'
import { negate } from '@switchyard/protocol/money.ts'
import { price } from '@switchyard/protocol/pricing/price.ts'
import { type Tariff, tariff as tariffShape } from '@switchyard/protocol/pricing/tariff.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { type CdrRow, cdrResource } from './cdrs.ts'
import { addLine } from './invoices.ts'
import { tariffOf } from './tariffs.ts'

export const NO_TARIFF = 'no-tariff'
export const OVERLAP = 'overlaps-another-session'

export interface EndedSession {
  tenantId: string
  siteId: string
  stationId: string
  sessionId: string
  trace: string | null
  data: FactData<'session.ended'>
}

/** Bills or holds a revision of a session. A revision that is not newer than what is billed or held changes nothing. */
export async function billSession(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  now: Date,
): Promise<void> {
  const { tenantId, sessionId, data } = session
  const [held] = await tx<{ revision: number }[]>`
    select revision from billing.held where tenant_id = ${tenantId} and session_id = ${sessionId} for update`
  const cdrs = await tx<CdrRow[]>`
    select * from billing.cdr where tenant_id = ${tenantId} and session_id = ${sessionId} and not credit
    order by revision desc`
  if (data.revision <= Math.max(held?.revision ?? 0, cdrs[0]?.revision ?? 0)) return
  await billOrHold(
    tx,
    eventLog,
    session,
    cdrs.find((c) => c.credited_by === null),
    now,
  )
}

/** Tries a held session again. */
export async function rebillHeld(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  now: Date,
): Promise<void> {
  const [payable] = await tx<CdrRow[]>`
    select * from billing.cdr where tenant_id = ${session.tenantId} and session_id = ${session.sessionId}
      and not credit and credited_by is null`
  await billOrHold(tx, eventLog, session, payable, now)
}

async function billOrHold(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  payable: CdrRow | undefined,
  now: Date,
): Promise<void> {
  const { tenantId, siteId, stationId, data } = session
  // Somebody was turned away and took nothing: no fee for that. What was taken is billed, whoever let it flow.
  if (payable === undefined && data.authorization !== 'Accepted' && data.energyMilliWh === 0) return
  const reasons = [...new Set([...data.review, ...implausible(data)])]
  if (reasons.length === 0 && (await overlaps(tx, session))) reasons.push(OVERLAP)
  // A correction is priced by the tariff that its first bill was.
  const tariff =
    reasons.length > 0
      ? undefined
      : payable
        ? tariffShape.parse(payable.tariff)
        : await tariffOf(tx, { tenantId, siteId, stationId, startedAt: data.startedAt })
  if (reasons.length === 0 && tariff === undefined) reasons.push(NO_TARIFF)
  // A correction in review leaves the bill before it as it is, until someone has looked at it.
  if (tariff === undefined) return await hold(tx, eventLog, session, reasons, now)
  if (payable !== undefined) await credit(tx, eventLog, session, payable, now)
  await issue(tx, eventLog, session, tariff, now)
}

/** What must not become a bill whatever its site thought of it. */
function implausible(data: FactData<'session.ended'>): string[] {
  const reasons: string[] = []
  if (data.energyMilliWh === undefined) reasons.push('register-missing')
  if ((data.energyMilliWh ?? 0) < 0) reasons.push('register-falling')
  const [startedMs, endedMs] = [placeable(data.startedAt), placeable(data.endedAt)]
  if (startedMs === undefined || endedMs === undefined || endedMs < startedMs)
    reasons.push('unplaceable-time')
  return reasons
}

function placeable(at: string): number | undefined {
  const epochMs = parseInstant(at)
  return epochMs !== undefined && isKeepable(epochMs) ? epochMs : undefined
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

async function issue(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  tariff: Tariff,
  now: Date,
): Promise<void> {
  const { tenantId, siteId, stationId, sessionId, data } = session
  const energyMilliWh = data.energyMilliWh ?? 0
  const { startedAt, endedAt, durationMs } = data
  const costDetails = price(tariff, { startedAt, endedAt, durationMs, energyMilliWh })
  const cdr: Cdr = {
    cdrId: `${sessionId}:${data.revision}`,
    sessionId,
    revision: data.revision,
    credit: false,
    credits: null,
    siteId,
    stationId,
    idToken: data.idToken?.value ?? null,
    driverId: await driverOf(tx, tenantId, data.idToken),
    startedAt: new Date(startedAt).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    energyWh: apiEnergyWh(energyMilliWh),
    durationMs,
    cost: { amount: costDetails.inclTax, currency: tariff.currency },
    costDetails,
    issuedAt: now.toISOString(),
  }
  await record(tx, eventLog, session, cdr, tariff, energyMilliWh)
  await tx`
    delete from billing.held
    where tenant_id = ${tenantId} and session_id = ${sessionId} and revision <= ${data.revision}`
}

async function credit(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  credited: CdrRow,
  now: Date,
): Promise<void> {
  const before = cdrResource(credited)
  const cdr: Cdr = {
    ...before,
    cdrId: `${before.cdrId}:credit`,
    credit: true,
    credits: before.cdrId,
    cost: negate(before.cost),
    costDetails: negated(before.costDetails, before.cost.currency),
    issuedAt: now.toISOString(),
  }
  await tx`
    update billing.cdr set credited_by = ${cdr.cdrId}
    where tenant_id = ${session.tenantId} and cdr_id = ${before.cdrId}`
  await record(tx, eventLog, session, cdr, tariffShape.parse(credited.tariff), credited.energy_milli_wh)
}

function negated(details: CostDetails, currency: string): CostDetails {
  const minus = (amount: string) => negate({ amount, currency }).amount
  return {
    ...details,
    exclTax: minus(details.exclTax),
    inclTax: minus(details.inclTax),
    parts: details.parts.map((p) => ({ ...p, exclTax: minus(p.exclTax), inclTax: minus(p.inclTax) })),
  }
}

/** The CDR's row, its invoice line, and the fact that tells of it. */
async function record(
  tx: TransactionSql,
  eventLog: EventLog,
  { tenantId, trace, data }: EndedSession,
  cdr: Cdr,
  tariff: Tariff,
  energyMilliWh: number,
): Promise<void> {
  await tx`
    insert into billing.cdr
      (tenant_id, cdr_id, session_id, revision, credit, credits, site_id, station_id, evse_id, connector_id, id_token,
       driver_id, started_at, ended_at, duration_ms, energy_milli_wh, currency, excl_tax, incl_tax, cost_details,
       tariff, issued_at)
    values (${tenantId}, ${cdr.cdrId}, ${cdr.sessionId}, ${cdr.revision}, ${cdr.credit}, ${cdr.credits},
            ${cdr.siteId}, ${cdr.stationId}, ${data.evseId}, ${data.connectorId}, ${cdr.idToken}, ${cdr.driverId},
            ${cdr.startedAt}, ${cdr.endedAt}, ${cdr.durationMs}, ${energyMilliWh}, ${cdr.cost.currency},
            ${cdr.costDetails.exclTax}, ${cdr.costDetails.inclTax}, ${tx.json(cdr.costDetails)}, ${tx.json(tariff)},
            ${cdr.issuedAt})`
  await addLine(tx, tenantId, cdr)
  await eventLog.publish(tx, {
    tenantId,
    siteId: cdr.siteId,
    stationId: cdr.stationId,
    sessionId: cdr.sessionId,
    kind: 'cdr.issued',
    at: cdr.issuedAt,
    data: { cdr },
    ...(trace === null ? {} : { trace }),
  })
}

/** A token of OCPP 1.6 has no type and is found by its identifier alone. */
async function driverOf(
  tx: TransactionSql,
  tenantId: string,
  idToken: { value: string; type: string } | undefined,
): Promise<string | null> {
  if (idToken === undefined) return null
  const rows = await tx<{ driver_id: string }[]>`
    select distinct driver_id from billing.token
    where tenant_id = ${tenantId} and id_token_key = upper(${idToken.value}) and driver_id is not null
      and (type = ${idToken.type} or type = 'Central' or ${idToken.type} = 'Central')
    limit 2`
  // Two drivers with the same identifier: it cannot be told whose it was.
  return rows.length === 1 ? rows[0]!.driver_id : null
}
