/** Whether registers can be true. What cannot is held for review, never billed and never dropped. */
import type { ReviewReason } from '@switchyard/protocol/site/fact.ts'

/** Energy over the connector's largest power times this is implausible, in percent. */
export const POWER_MARGIN_PERCENT = 125
/** Coarsest steps that meters show, a tenth of a kWh: a step of that size proves nothing about power. */
export const RESOLUTION_MILLI_WH = 100_000

export interface RegisterAt {
  atMs: number
  milliWh: number
}

/** Most energy that `maxPowerW` with its margin delivers in `durationMs`, milli-Wh, one meter step included. */
export function mostMilliWh(maxPowerW: number, durationMs: number): number {
  // W * ms / 3600 is milli-Wh.
  return Math.ceil((maxPowerW * POWER_MARGIN_PERCENT * durationMs) / 360_000) + RESOLUTION_MILLI_WH
}

/**
 * Two registers of one meter, `from` the earlier. A register may fall by a meter's resolution where one of the two was
 * rounded for display (`exact` false: a sampled value); start and stop registers may not fall at all.
 */
export function checkStep(
  from: RegisterAt,
  to: RegisterAt,
  maxPowerW: number,
  exact: boolean,
): ReviewReason[] {
  const milliWh = to.milliWh - from.milliWh
  if (milliWh < (exact ? 0 : -RESOLUTION_MILLI_WH)) return ['register-falling']
  if (milliWh > mostMilliWh(maxPowerW, Math.max(0, to.atMs - from.atMs)))
    return ['register-implausible-power']
  return []
}

/**
 * A start at zero on a meter that was seen above zero before: the lifetime register would be billed at the stop. What was seen
 * after it says nothing (a queue tells of earlier times).
 */
export function checkStart(
  startMilliWh: number | undefined,
  startedAtMs: number,
  known: RegisterAt | undefined,
): ReviewReason[] {
  const wasAbove = known !== undefined && known.milliWh > 0 && known.atMs <= startedAtMs
  return startMilliWh === 0 && wasAbove ? ['register-zero-start'] : []
}
