/**
 * What time it is, and how far that can be trusted. No battery-backed clock is assumed: after a power cut the box may wake in
 * 1970, in 2099, or at the time it went down. The cloud's time, told in every welcome, is the reference; monotonic time carries
 * it on. Without one, the newest time that was journalled under a synced clock is a floor: real time cannot lie before it.
 */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'

/** The wall clock is believed while it agrees with the cloud's time within this. */
export const SYNCED_WITHIN_MS = 5_000
/** A reference older than this makes no clock synced any more: the monotonic clock drifts too. */
export const REFERENCE_LIFETIME_MS = 24 * 3_600_000
/** How fast a monotonic clock may drift (200 ppm: an oscillator without compensation), as ms per ms. */
const DRIFT_PER_MS = 200e-6
/** No site is switched off for longer: a wall clock so far past the floor was never set. */
export const LONGEST_OFF_MS = 366 * 24 * 3_600_000
/** A difference between the course of wall clock and monotonic clock above this is a step, not drift. */
export const STEP_MS = 1_000

/** The cloud's wall clock as it was told, and the monotonic time that belongs to it. */
export interface TimeReference {
  cloudMs: number
  monoMs: number
  /** How far it may be off, half of the round trip of the message that told it, ms; 0 when absent. */
  withinMs?: number
}

/** How far a reference may be off by now, ms. */
export function uncertaintyOf({ withinMs = 0, monoMs: atMs }: TimeReference, monoMs: number): number {
  return withinMs + DRIFT_PER_MS * (monoMs - atMs)
}

export interface ClockReading {
  wallMs: number
  monoMs: number
  /** Newest time that was written under a synced clock, told when monotonic time stood at `floorMonoMs`. */
  floorMs?: number | undefined
  floorMonoMs?: number | undefined
  reference?: TimeReference | undefined
  /** The operating system says that it follows a time server. */
  isServed?: boolean | undefined
}

/** The best estimate of the time, ms, and how far it can be trusted. */
export interface Estimate {
  nowMs: number
  quality: ClockQuality
}

export function timeOf(reading: ClockReading): Estimate {
  const { wallMs, monoMs, floorMs, floorMonoMs = 0, reference, isServed } = reading
  if (reference) {
    const ageMs = monoMs - reference.monoMs
    const cloudNowMs = reference.cloudMs + ageMs
    const within = SYNCED_WITHIN_MS + uncertaintyOf(reference, monoMs)
    return {
      nowMs: Math.abs(wallMs - cloudNowMs) <= within ? wallMs : cloudNowMs,
      quality: ageMs <= REFERENCE_LIFETIME_MS ? 'synced' : 'holdover',
    }
  }
  if (isServed) return { nowMs: wallMs, quality: 'holdover' }
  if (floorMs === undefined) return { nowMs: wallMs, quality: 'unknown' }
  if (wallMs >= floorMs && wallMs - floorMs <= LONGEST_OFF_MS) return { nowMs: wallMs, quality: 'holdover' }
  return { nowMs: floorMs + (monoMs - floorMonoMs), quality: 'unknown' }
}

/** How far a clock was set between two readings, ms; 0 when it only drifted. */
export function stepBetween(
  before: { wallMs: number; monoMs: number },
  after: { wallMs: number; monoMs: number },
): number {
  const by = Math.round(after.wallMs - before.wallMs - (after.monoMs - before.monoMs))
  return Math.abs(by) > STEP_MS ? by : 0
}
