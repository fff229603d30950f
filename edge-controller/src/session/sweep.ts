/**
 * Finds sessions that never stopped: their connector is available again and no stop came within AVAILABLE_GRACE_MS (stations
 * report the status before the stop), or their station has been silent for SILENCE_MS. Monotonic time only: a wall clock
 * that jumps by years ends no session.
 */
import type { Session } from './session.ts'

/** A stop that follows "Available" is given this time. */
export const AVAILABLE_GRACE_MS = 30_000
/** A station that is away for so long will not go on with its session unnoticed. */
export const SILENCE_MS = 6 * 3_600_000
/** How often it is looked. */
export const SWEEP_INTERVAL_MS = 5_000

export type OverdueReason = 'ConnectorAvailable' | 'Silence'

export class SessionSweep {
  /** Since when a session looks over, by session id. */
  #suspects = new Map<string, { reason: OverdueReason; sinceMs: number }>()

  /** Sessions of all stations that run now, each with its station's presence -> those that are over. */
  overdue(
    running: readonly { session: Session; connected: boolean }[],
    monoMs: number,
  ): { session: Session; reason: OverdueReason }[] {
    const suspects = new Map<string, { reason: OverdueReason; sinceMs: number }>()
    const over: { session: Session; reason: OverdueReason }[] = []
    for (const { session, connected } of running) {
      const reason = suspicion(session, connected)
      if (!reason) continue
      const before = this.#suspects.get(session.sessionId)
      const sinceMs = before?.reason === reason ? before.sinceMs : monoMs
      suspects.set(session.sessionId, { reason, sinceMs })
      const patienceMs = reason === 'Silence' ? SILENCE_MS : AVAILABLE_GRACE_MS
      if (monoMs - sinceMs >= patienceMs) over.push({ session, reason })
    }
    this.#suspects = suspects
    return over
  }
}

function suspicion(session: Session, connected: boolean): OverdueReason | undefined {
  if (session.connectorAvailable) return 'ConnectorAvailable'
  return connected ? undefined : 'Silence'
}
