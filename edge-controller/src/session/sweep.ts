/**
 * Finds sessions that never stopped: their connector is available again and no stop came within AVAILABLE_GRACE_MS (stations
 * report the status before the stop), another session has had their connector for OVERTAKEN_MS (a queue is delivered in less),
 * or their station has been silent for SILENCE_MS. Monotonic time only: a wall clock that jumps by years ends no session.
 */
import type { Session } from './session.ts'

/** A stop that follows "Available" is given this time. */
export const AVAILABLE_GRACE_MS = 30_000
/** A session that runs beside another on its connector is given this time for its stop, or other statuses, to come out of the queue. */
export const OVERTAKEN_MS = 15 * 60_000
/** A station that is away for so long will not go on with its session unnoticed. */
export const SILENCE_MS = 6 * 3_600_000
/** How often it is looked. */
export const SWEEP_INTERVAL_MS = 5_000

export type OverdueReason = 'ConnectorAvailable' | 'NewSession' | 'Silence'
/** The last one: available by a status that is dated before the session, which a queue would have followed by others. */
type Suspicion = OverdueReason | 'ConnectorStaysAvailable'

const PATIENCE_MS: Record<Suspicion, number> = {
  ConnectorAvailable: AVAILABLE_GRACE_MS,
  ConnectorStaysAvailable: OVERTAKEN_MS,
  NewSession: OVERTAKEN_MS,
  Silence: SILENCE_MS,
}

/** A running session with what is seen of its surroundings. */
export interface Watched {
  session: Session
  /** Its station is on the line. */
  connected: boolean
  /** Another session runs on its connector. */
  overtaken: boolean
}

export class SessionSweep {
  /** Since when a session looks over, by session id. */
  #suspects = new Map<string, { reason: Suspicion; sinceMs: number }>()

  /** Sessions of all stations that run now -> those that are over. */
  overdue(running: readonly Watched[], monoMs: number): { session: Session; reason: OverdueReason }[] {
    const suspects = new Map<string, { reason: Suspicion; sinceMs: number }>()
    const over: { session: Session; reason: OverdueReason }[] = []
    for (const watched of running) {
      const { session } = watched
      const reason = suspicion(watched)
      if (!reason) continue
      const before = this.#suspects.get(session.sessionId)
      const sinceMs = before?.reason === reason ? before.sinceMs : monoMs
      suspects.set(session.sessionId, { reason, sinceMs })
      if (monoMs - sinceMs >= PATIENCE_MS[reason])
        over.push({ session, reason: reason === 'ConnectorStaysAvailable' ? 'ConnectorAvailable' : reason })
    }
    this.#suspects = suspects
    return over
  }
}

function suspicion({ session, connected, overtaken }: Watched): Suspicion | undefined {
  if (session.connectorFree === 'now') return 'ConnectorAvailable'
  if (overtaken) return 'NewSession'
  if (connected && session.connectorFree === 'dated-before') return 'ConnectorStaysAvailable'
  return connected ? undefined : 'Silence'
}
