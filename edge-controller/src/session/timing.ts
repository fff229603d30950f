/**
 * When a session began and ended. Stations' clocks are taken at their word (queues of an offline time must keep their
 * durations) until something shows that they were wrong: a year before charging stations, the future, an end before its start.
 */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'

/** Timestamps before 2020 come from a clock that was never set (1970, 2000 and 2016 are usual). */
export const EARLIEST_MS = 1_577_836_800_000
/** How far a station's clock may be ahead of a synced clock of ours. */
const AHEAD_MAX_MS = 10 * 60_000

/** A moment of the controller: wall clock with its quality, monotonic time within a boot. */
export interface Moment {
  nowMs: number
  monoMs: number
  bootId: string
  quality: ClockQuality
}

/** Whether a station's timestamp, received at `received`, can be true. */
export function isPlausible(atMs: number, received: Moment): boolean {
  return atMs >= EARLIEST_MS && (received.quality !== 'synced' || atMs <= received.nowMs + AHEAD_MAX_MS)
}

export interface Placed {
  startedAtMs: number
  endedAtMs: number
  /** false: nobody can say when it was; held for review. */
  sure: boolean
}

/** One end of a session: the station's own time, and when we heard of it. */
export interface TimedAt {
  atMs: number
  received: Moment
}

/** A session that both ends were told of as they happened: receive times and timestamps differ by no more than this. */
const LIVE_WITHIN_MS = 2 * 60_000
/** A longer session is believed only where monotonic time agrees: a clock that is set leaps by years. */
export const LONGEST_MS = 31 * 24 * 3_600_000

/** Places a session in time from what was said of its start and its end. Never yields an end before the start. */
export function place(start: TimedAt, end: TimedAt): Placed {
  const startOk = isPlausible(start.atMs, start.received)
  const endOk = isPlausible(end.atMs, end.received)
  const saidMs = end.atMs - start.atMs
  // Within one boot of ours, monotonic time tells how long it was between the two messages.
  const lastedMs =
    start.received.bootId === end.received.bootId
      ? Math.max(0, Math.round(end.received.monoMs - start.received.monoMs))
      : undefined
  const wasLive = lastedMs !== undefined && Math.abs(lastedMs - saidMs) <= LIVE_WITHIN_MS
  const oursKnown = end.received.quality !== 'unknown'
  if (startOk && endOk && saidMs >= 0) {
    const sure = saidMs <= LONGEST_MS || wasLive
    return { startedAtMs: start.atMs, endedAtMs: end.atMs, sure }
  }
  if (!startOk && !endOk && saidMs >= 0) {
    // One clock that was wrong both times: the duration stands. Told as it happened, it happened by our clock.
    const { nowMs } = end.received
    return { startedAtMs: nowMs - saidMs, endedAtMs: nowMs, sure: wasLive && oursKnown }
  }
  if (lastedMs !== undefined) {
    // The clock was set in between.
    const endedAtMs = endOk ? end.atMs : end.received.nowMs
    return { startedAtMs: endedAtMs - lastedMs, endedAtMs, sure: endOk || oursKnown }
  }
  const startedAtMs = startOk ? start.atMs : start.received.nowMs
  return { startedAtMs, endedAtMs: Math.max(startedAtMs, end.received.nowMs), sure: false }
}
