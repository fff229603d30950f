/**
 * How far the wall clock can be trusted. No battery-backed clock is assumed: after a power cut the box may wake in 1970, or
 * at the time it went down. The cloud's time, told in every welcome, is the reference; monotonic time carries it on.
 */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'

/** The wall clock is synced while it agrees with the cloud's time within this. */
export const SYNCED_WITHIN_MS = 5_000
/** A reference older than this proves nothing any more: the monotonic clock drifts too. */
export const REFERENCE_LIFETIME_MS = 24 * 3_600_000
/** A difference between the course of wall clock and monotonic clock above this is a step, not drift. */
export const STEP_MS = 1_000

/** The cloud's wall clock as it was told, and the monotonic time that belongs to it. */
export interface TimeReference {
  cloudMs: number
  monoMs: number
}

export interface ClockReading {
  wallMs: number
  monoMs: number
  /** Newest time that was written under a synced clock; real time cannot lie before it. */
  floorMs?: number | undefined
  reference?: TimeReference | undefined
}

export function clockQuality(reading: ClockReading): ClockQuality {
  const { wallMs, monoMs, floorMs, reference } = reading
  if (reference && monoMs - reference.monoMs <= REFERENCE_LIFETIME_MS) {
    const cloudNow = reference.cloudMs + (monoMs - reference.monoMs)
    return Math.abs(wallMs - cloudNow) <= SYNCED_WITHIN_MS ? 'synced' : 'unknown'
  }
  const known = reference ? reference.cloudMs : floorMs
  return known !== undefined && wallMs >= known ? 'holdover' : 'unknown'
}

/** How far the wall clock was set between two readings, ms; 0 when it only drifted. */
export function stepBetween(
  before: { wallMs: number; monoMs: number },
  after: { wallMs: number; monoMs: number },
): number {
  const by = Math.round(after.wallMs - before.wallMs - (after.monoMs - before.monoMs))
  return Math.abs(by) > STEP_MS ? by : 0
}
