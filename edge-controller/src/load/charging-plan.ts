/**
 * A charging schedule from what a car needs (2.x use case K15): its energy before it departs, within the share that load control has for
 * its session. No optimisation: as early as the share allows, or spread over the time that there is. Pure.
 */
import { VOLTS } from './rate.ts'

/** What the car of a session has told of itself. */
export interface ChargingNeeds {
  /** Still to come when it told so, mWh. */
  energyMilliWh: number
  /** Register of the session then; absent: none was known. */
  registerMilliWh?: number
  departureMs?: number
  /** What it takes per phase, mA. */
  minMa: number
  maxMa: number
  phases: number
  /** Most periods that it has room for. */
  maxPeriods: number
}

/** `earliest`: all of the share until the energy is there. `spread`: no more of it than it takes to have the energy at departure. */
export type ChargingPlanning = 'earliest' | 'spread'

export interface PlannedPeriod {
  /** Seconds from now. */
  startS: number
  /** mA per phase; never above the share. */
  limitMa: number
}

export interface ChargingPlan {
  periods: PlannedPeriod[]
  /** The energy will be there in time, as far as one can say; true where the car has not told when it departs. */
  isInTime: boolean
  /** To be planned anew then: a car may draw less than it may. */
  reviewAtMs?: number
}

/** IEC 61851: below it a car does not charge. */
const LEAST_MA = 6_000
/** A lower period begins no sooner. */
const LEAST_PERIOD_S = 300
/** So long before a lower period begins it is looked whether the energy is there. */
const REVIEW_BEFORE_S = 60
/** What is spread is looked at so often. */
export const REVIEW_EVERY_S = 900

export function planCharging(
  needs: ChargingNeeds,
  now: { shareMa: number; nowMs: number; registerMilliWh: number | undefined; planning: ChargingPlanning },
): ChargingPlan {
  const { shareMa, nowMs, planning } = now
  const { departureMs, minMa, maxMa, phases, maxPeriods } = needs
  const mostMa = Math.min(shareMa, maxMa)
  const leastMa = Math.min(mostMa, Math.max(minMa, LEAST_MA))
  const leftMilliWh = energyLeft(needs, now.registerMilliWh)
  if (leftMilliWh === 0) return { periods: [{ startS: 0, limitMa: leastMa }], isInTime: true }
  const whole = [{ startS: 0, limitMa: mostMa }]
  const neededS = mostMa === 0 ? Number.POSITIVE_INFINITY : secondsFor(leftMilliWh, mostMa, phases)
  const untilS = departureMs === undefined ? undefined : Math.floor((departureMs - nowMs) / 1_000)
  if (untilS !== undefined && neededS > untilS) return { periods: whole, isInTime: untilS <= 0 }
  if (maxPeriods < 2 || mostMa === leastMa) return { periods: whole, isInTime: true }
  if (planning === 'spread' && untilS !== undefined) {
    const limitMa = Math.max(leastMa, currentFor(leftMilliWh, untilS, phases))
    if (limitMa >= mostMa) return { periods: whole, isInTime: true }
    return {
      // Who stays longer than it said gets its share again.
      periods: [
        { startS: 0, limitMa },
        { startS: untilS, limitMa: mostMa },
      ],
      isInTime: true,
      reviewAtMs: nowMs + REVIEW_EVERY_S * 1_000,
    }
  }
  const startS = Math.max(LEAST_PERIOD_S, neededS)
  return {
    periods: [...whole, { startS, limitMa: leastMa }],
    isInTime: true,
    reviewAtMs: nowMs + (startS - REVIEW_BEFORE_S) * 1_000,
  }
}

function energyLeft(
  { energyMilliWh, registerMilliWh }: ChargingNeeds,
  nowMilliWh: number | undefined,
): number {
  const taken =
    registerMilliWh === undefined || nowMilliWh === undefined ? 0 : Math.max(0, nowMilliWh - registerMilliWh)
  return Math.max(0, energyMilliWh - taken)
}

/** Reckoned with 0.9 of nominal voltage: losses of a tenth, or a low voltage, leave nobody short. */
function secondsFor(milliWh: number, ma: number, phases: number): number {
  return Math.ceil((milliWh * 3_600) / (ma * VOLTS * phases))
}

function currentFor(milliWh: number, seconds: number, phases: number): number {
  return Math.ceil((milliWh * 3_600) / (seconds * VOLTS * phases))
}
