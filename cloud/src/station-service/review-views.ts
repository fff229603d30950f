/** Rows of the review queue -> the resources of the public API. */
import type { Review, ReviewSettlement, ReviewValues } from '@switchyard/protocol/api/reviews.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import type { ReviewedValues } from '../platform/event-log/cloud-fact.ts'
import { valuesOf } from './review-correct.ts'
import type { ReviewRow, SettlementRow } from './review-row.ts'
import { reasonText } from './review-text.ts'
import { timeOf } from './time-of.ts'

/** `settlements`: all of the session, oldest first. */
export function reviewResource(row: ReviewRow, settlements: readonly SettlementRow[]): Review {
  const { ended } = row
  const newest = settlements.at(-1)
  return {
    reviewId: row.session_id,
    sessionId: row.session_id,
    siteId: row.site_id,
    stationId: row.station_id,
    evseId: ended.evseId,
    connectorId: ended.connectorId,
    transactionId: ended.transactionId,
    revision: row.revision,
    status: row.status,
    reasons: row.reasons.map((reason) => ({ reason, text: reasonText(reason, ended) })),
    openedAt: row.opened_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
    told: valuesResource(valuesOf(ended), row.opened_at),
    decision: newest === undefined ? null : settlementResource(newest),
  }
}

export function settlementResource(row: SettlementRow): ReviewSettlement {
  return {
    settlement: row.settlement,
    revision: row.revision,
    action: row.action,
    by: { actor: row.by_actor, name: row.by_name },
    at: row.settled_at.toISOString(),
    note: row.note,
    override: row.override,
    before: valuesResource(row.before, row.settled_at),
    after: row.after && valuesResource(row.after, row.settled_at),
  }
}

/** A time that is none is shown as that of the item; its reasons say so, and the facts show what was told. */
function valuesResource(values: ReviewedValues, instead: Date): ReviewValues {
  const wh = (milliWh: number | undefined) => (milliWh === undefined ? null : apiEnergyWh(milliWh))
  return {
    startedAt: timeOf(values.startedAt, instead).toISOString(),
    endedAt: timeOf(values.endedAt, instead).toISOString(),
    durationMs: values.durationMs,
    startRegisterWh: wh(values.startRegisterMilliWh),
    endRegisterWh: wh(values.endRegisterMilliWh),
    energyWh: wh(values.energyMilliWh),
    idToken: values.idToken ?? null,
  }
}
