/** A CDR with its invoice line and the fact that tells of it: a new one, or the credit of one before. */
import type { Cdr, CostDetails } from '@switchyard/protocol/api/shapes.ts'
import { priceEnded } from '@switchyard/protocol/billing/price-ended.ts'
import { creditIdOf } from '@switchyard/protocol/billing/settle.ts'
import { negate } from '@switchyard/protocol/money.ts'
import { type Tariff, tariff as tariffShape } from '@switchyard/protocol/pricing/tariff.ts'
import { EMAID, emaidWritings } from '@switchyard/protocol/site/emaid.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import { beginHop } from '@switchyard/tracing/hop.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import type { EndedSession } from './bill-session.ts'
import { type CdrRow, cdrResource } from './cdrs.ts'
import { addLine } from './invoices.ts'

/** Whatever was held of the session up to this revision is over with it. */
export async function issue(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  { cdrId, settlement, tariff }: { cdrId: string; settlement: number; tariff: Tariff },
  now: Date,
): Promise<void> {
  const { tenantId, siteId, stationId, sessionId, data } = session
  const energyMilliWh = data.energyMilliWh ?? 0
  const { startedAt, endedAt, durationMs } = data
  const costDetails = priceEnded(tariff, data)
  const cdr: Cdr = {
    cdrId,
    sessionId,
    revision: data.revision,
    settlement,
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

export async function credit(
  tx: TransactionSql,
  eventLog: EventLog,
  session: EndedSession,
  credited: CdrRow,
  now: Date,
): Promise<void> {
  const before = cdrResource(credited)
  const cdr: Cdr = {
    ...before,
    cdrId: creditIdOf(before.cdrId),
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
  const hop = trace === null ? undefined : beginHop('issue CDR', 'internal', trace, { 'cdr.id': cdr.cdrId })
  await tx`
    insert into billing.cdr
      (tenant_id, cdr_id, session_id, revision, settlement, credit, credits, site_id, station_id, evse_id, connector_id, id_token,
       driver_id, started_at, ended_at, duration_ms, energy_milli_wh, currency, excl_tax, incl_tax, cost_details,
       tariff, issued_at)
    values (${tenantId}, ${cdr.cdrId}, ${cdr.sessionId}, ${cdr.revision}, ${cdr.settlement}, ${cdr.credit},
            ${cdr.credits},
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
    ...(trace === null ? {} : { trace: hop?.traceparent ?? trace }),
  })
  hop?.end()
}

/**
 * A token of OCPP 1.6 has no type and is found by its identifier alone; an eMAID is found in each of its writings. What was paid at a
 * terminal (2.1) is nobody's to pay again.
 */
async function driverOf(
  tx: TransactionSql,
  tenantId: string,
  idToken: { value: string; type: string } | undefined,
): Promise<string | null> {
  if (idToken === undefined || idToken.type === 'DirectPayment') return null
  const rows = await tx<{ driver_id: string }[]>`
    select distinct driver_id from billing.token
    where tenant_id = ${tenantId} and driver_id is not null
      and (id_token_key = upper(${idToken.value})
             and (type = ${idToken.type} or type = 'Central' or ${idToken.type} = 'Central')
           or id_token_key = any(${emaidWritings(idToken)}::text[]) and type = ${EMAID})
    limit 2`
  // Two drivers with the same identifier: it cannot be told whose it was.
  return rows.length === 1 ? rows[0]!.driver_id : null
}
