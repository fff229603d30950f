/** What a session is told of its limit: the limit, and where its car has told what it needs, a schedule within it. */
import type { Quirk } from '@switchyard/protocol/site/quirks.ts'
import type { Limit } from '../ocpp/module.ts'
import type { Session } from '../session/session.ts'
import { type ChargingPlan, type ChargingPlanning, planCharging } from './charging-plan.ts'
import { limitProfileId } from './profile-ids.ts'
import { rateFor } from './rate.ts'

/** A schedule begins so long ago: the clock of a station may be behind, and one that has not begun limits nothing. */
const BEGINS_BEFORE_MS = 60_000

export interface ScheduleSetting {
  planning: ChargingPlanning
  quirks: ReadonlySet<Quirk>
  /** Undefined: the time is not known, and nothing is planned by it. */
  nowMs: number | undefined
}

/** `shareMa`: mA per phase that the session may draw. */
export function limitFor(
  session: Session,
  shareMa: number,
  { planning, quirks, nowMs }: ScheduleSetting,
): { limit: Limit; plan?: ChargingPlan } {
  const { evseId, needs, register } = session
  const limit = { evseId, rate: rateFor(shareMa, quirks), session, profileId: limitProfileId(evseId) }
  if (!needs || nowMs === undefined) return { limit }
  const plan = planCharging(needs, { shareMa, nowMs, registerMilliWh: register?.milliWh, planning })
  const periods = plan.periods.map(({ startS, limitMa }) => ({
    startS: startS === 0 ? 0 : startS + BEGINS_BEFORE_MS / 1_000,
    rate: rateFor(limitMa, quirks),
  }))
  return { limit: { ...limit, plan: { startsAtMs: nowMs - BEGINS_BEFORE_MS, periods } }, plan }
}
