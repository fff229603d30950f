/** The oracle's own books: sessions as they truly were, and what the sites made chargers do. */
import type { PhysicalSession } from '../charger/physical-session.ts'
import type { Stage } from '../stage.ts'

export class OracleLedger {
  readonly sessions: PhysicalSession[] = []
  readonly #stage: Stage
  /** By command: how often it had its effect, and when it expires. */
  readonly #commands = new Map<string, { effects: number; expiresMs: number }>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  began(session: PhysicalSession): void {
    this.sessions.push(session)
  }

  /** `key` is what the command carries to the charger and no other does. */
  commanded(key: string, expiresMs: number): void {
    this.#commands.set(key, { effects: 0, expiresMs })
  }

  /** A command reached its charger. */
  effect(chargerId: string, kind: string, key: string): void {
    const command = this.#commands.get(key)
    if (!command) return
    command.effects++
    this.#stage.tell(chargerId, `is told ${kind} ${key}`)
    if (command.effects > 1)
      this.#stage.broken('I6', `${kind} ${key} took effect ${command.effects} times at ${chargerId}`)
    if (this.#stage.wallMs > command.expiresMs)
      this.#stage.broken('I6', `${kind} ${key} took effect at ${chargerId} after it had expired`)
  }
}
