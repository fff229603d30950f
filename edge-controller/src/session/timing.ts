/**
 * When a session began and ended. Stations' clocks are taken at their word (queues of an offline time must keep their
 * durations) until something shows that they were wrong: a year before charging stations, the future, an end before its start,
 * receive times that disagree, or that the station had its time from us while we did not know it ourselves.
 */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'

/** Timestamps before 2020 come from a clock that was never set (1970, 2000 and 2016 are usual). */
export const EARLIEST_MS = 1_577_836_800_000
/** How far a station's clock may be ahead of a synced clock of ours. */
const AHEAD_MAX_MS = 10 * 60_000

/** A moment of the controller: its clock with its quality, monotonic time within a boot. */
export interface Moment {
  nowMs: number
  monoMs: number
  bootId: string
  quality: ClockQuality
  /** Monotonic time since which the station's connection stands; absent where there is none. */
  connectedMonoMs?: number
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
const LONGEST_MS = 31 * 24 * 3_600_000

/**
 * What is now known of an earlier time: a moment of this boot whose clock was unknown is counted back from now by monotonic time,
 * and so is the time of a station that had it from us. Anything else stays as it is.
 */
export function corrected({ atMs, received }: TimedAt, now: Moment): TimedAt {
  const { bootId, quality, nowMs, monoMs } = received
  if (bootId !== now.bootId || quality !== 'unknown' || now.quality === 'unknown') return { atMs, received }
  const trueMs = Math.round(now.nowMs - (now.monoMs - monoMs))
  return {
    atMs: isOfOurClock({ atMs, received }) ? atMs + Math.round(trueMs - nowMs) : atMs,
    received: { ...received, nowMs: trueMs, quality: now.quality },
  }
}

/** Where a session that its station left open lies: from its start to its last register. */
export function placePresumed(start: TimedAt, lastMs: number | undefined): Placed {
  const startOk = isPlausible(start.atMs, start.received)
  const startedAtMs = startOk ? start.atMs : start.received.nowMs
  const endedAtMs = Math.max(startedAtMs, lastMs ?? startedAtMs)
  const sure = startOk && endedAtMs - startedAtMs <= LONGEST_MS && !isOfOurClock(start)
  return { startedAtMs, endedAtMs, sure }
}

/** Whether a station's time lies between our boot and now by our own unknown clock: then it was set by our answers. */
function isOfOurClock({ atMs, received: { nowMs, monoMs, quality } }: TimedAt): boolean {
  return quality === 'unknown' && atMs >= nowMs - monoMs - LIVE_WITHIN_MS && atMs <= nowMs + LIVE_WITHIN_MS
}

/**
 * Places a session in time from what was said of its start and its end; `newestMs` is the newest time that its station told in
 * between. Never yields an end before the start.
 */
export function place(saidOfStart: TimedAt, end: TimedAt, newestMs?: number): Placed {
  const start = corrected(saidOfStart, end.received)
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
  if (lastedMs !== undefined && !wasLive && toldAsItWas(start) && wasConnectedSince(start, end)) {
    // Forward: nobody tells of an end before it comes. Back: a later message told of a later time.
    const isStep = saidMs > lastedMs || (newestMs !== undefined && newestMs > end.atMs)
    if (isStep) return { startedAtMs: start.atMs, endedAtMs: start.atMs + lastedMs, sure: true }
    // The stop waited though its station was on the line, or the clock was set back: nobody can say.
    return { startedAtMs: start.atMs, endedAtMs: Math.max(start.atMs, end.atMs), sure: false }
  }
  if (startOk && endOk && saidMs >= 0) {
    const sure = (saidMs <= LONGEST_MS || wasLive) && !isOfOurClock(start) && !isOfOurClock(end)
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

/** The station's clock agreed with ours, which was known, when it told of it. */
function toldAsItWas({ atMs, received }: TimedAt): boolean {
  return received.quality !== 'unknown' && Math.abs(atMs - received.nowMs) <= LIVE_WITHIN_MS
}

/** The connection on which the start came is still the one on which the end came. */
function wasConnectedSince(
  { received: { monoMs } }: TimedAt,
  { received: { connectedMonoMs } }: TimedAt,
): boolean {
  return connectedMonoMs !== undefined && connectedMonoMs <= monoMs
}
