/** Whether registers can be true. What cannot is held for review, never billed and never dropped. */
import { mostMilliWh, RESOLUTION_MILLI_WH } from '@switchyard/protocol/billing/plausible.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { ReviewReason } from '@switchyard/protocol/site/fact.ts'

export interface RegisterAt {
  atMs: number
  milliWh: number
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
  if (mutated('any-register')) return []
  const milliWh = to.milliWh - from.milliWh
  if (milliWh < (exact ? 0 : -RESOLUTION_MILLI_WH)) return ['register-falling']
  if (milliWh > mostMilliWh(maxPowerW, Math.max(0, to.atMs - from.atMs)))
    return ['register-implausible-power']
  return []
}

/** What is known of a connector's meter. */
export interface KnownMeter {
  /** The newest register seen. */
  register?: RegisterAt
  /** When it was first seen above zero, ms. */
  aboveZeroSinceMs?: number
  /** The station is known to say 0 where it could not read its meter. */
  zeroIsPlaceholder?: boolean
}

/**
 * A start at zero on a meter that was above zero before: the lifetime register would be billed at the stop. A start below what
 * the meter showed before: energy would be billed a second time. What was first seen later says nothing (a queue tells of
 * earlier times).
 */
export function checkStart(
  startMilliWh: number | undefined,
  startedAtMs: number,
  { register, aboveZeroSinceMs, zeroIsPlaceholder = false }: KnownMeter,
): ReviewReason[] {
  if (startMilliWh === undefined || mutated('any-register')) return []
  if (startMilliWh === 0)
    return zeroIsPlaceholder || (aboveZeroSinceMs !== undefined && aboveZeroSinceMs <= startedAtMs)
      ? ['register-zero-start']
      : []
  const hasFallen =
    register !== undefined &&
    register.atMs <= startedAtMs &&
    startMilliWh < register.milliWh - RESOLUTION_MILLI_WH
  return hasFallen ? ['register-falling'] : []
}

/** Most energy that is believed of a session that began at zero: more than any car takes, milli-Wh. */
export const MOST_FROM_ZERO_MILLI_WH = 200_000_000

/**
 * The first that is heard of a meter may be a start at zero that was none: nothing was seen before that could contradict it, and
 * in a few hours a strong connector could deliver what a meter counts in years. Then the amount itself is doubted.
 */
export function checkZeroStart(startMilliWh: number, endMilliWh: number): ReviewReason[] {
  return startMilliWh === 0 && endMilliWh > MOST_FROM_ZERO_MILLI_WH ? ['register-zero-start'] : []
}
