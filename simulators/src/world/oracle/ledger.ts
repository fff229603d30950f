/** The oracle's own books: sessions as they truly were, and what the sites made chargers do. */
import type { Fact } from '@switchyard/protocol/site/fact.ts'
import type { PhysicalSession } from '../charger/physical-session.ts'
import { SLOWEST_MS } from '../network/line.ts'
import type { Stage } from '../stage.ts'

type Told = Extract<Fact, { kind: 'session.started' }>

export class OracleLedger {
  readonly sessions: PhysicalSession[] = []
  readonly #stage: Stage
  /** By command: how often it had its effect, and when it expires. */
  readonly #commands = new Map<string, { effects: number; expiresMs: number }>()

  /** Command and boot that it was sent to. */
  readonly #handed = new Set<string>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** By token: the session that the cloud was told of. */
  readonly #started = new Map<string, string>()
  /** By journal, charger and connector: the session that runs there, as the cloud was told. */
  readonly #running = new Map<string, { sessionId: string; startedAt: string }>()
  readonly #ended = new Set<string>()
  readonly #withLosses = new Set<string>()
  /** Sessions that another one followed, and whose end was not told: what is to be said of it. */
  readonly #late = new Map<string, string>()

  /**
   * I4: what began once is one session, however often its charger tells it. I12: a connector has one session; one that begins
   * there ends the one before.
   */
  started({ journalId }: { journalId: string }, { stationId = '', sessionId = '', data }: Told): void {
    const { idToken, startedAt, evseId } = data
    const token = idToken?.value ?? ''
    const before = this.#started.get(token)
    this.#started.set(token, sessionId)
    const session = this.sessions.find((it) => it.token === token)
    if (before !== undefined && before !== sessionId && session && !session.isForgotten)
      this.#stage.broken('I4', `${stationId}: ${token} is started as ${before} and ${sessionId}`)
    const place = `${journalId}/${stationId}/${evseId}`
    const there = this.#running.get(place)
    if (there && startedAt < there.startedAt) return
    this.#running.set(place, { sessionId, startedAt })
    if (!there || there.sessionId === sessionId || this.#ended.has(there.sessionId)) return
    // Once the batch is taken: a session that is heard of only by its end had its connector before, and is over with its start.
    queueMicrotask(() => {
      const text = `${stationId}: ${sessionId} is started, ${there.sessionId} has not ended`
      if (this.#ended.has(sessionId)) this.#running.set(place, there)
      else if (this.#withLosses.has(journalId)) this.#late.set(there.sessionId, text)
      else this.#stage.broken('I12', text)
    })
  }

  /** Rows of a journal are lost, and told so: an end among them is made when it is noticed. */
  lost({ journalId }: { journalId: string }): void {
    this.#withLosses.add(journalId)
  }

  /** At the end: what could be late has come. */
  checkLate(): void {
    for (const [sessionId, text] of this.#late)
      if (!this.#ended.has(sessionId)) this.#stage.broken('I12', text)
  }

  /** The cloud was restored: what it was told since comes again, by whichever journal has it. */
  again(): void {
    this.#running.clear()
    this.#ended.clear()
    this.#late.clear()
  }

  ended(sessionId: string): void {
    this.#ended.add(sessionId)
  }

  began(session: PhysicalSession): void {
    this.sessions.push(session)
  }

  /** `key` is what the command carries to the charger and no other does. */
  commanded(key: string, expiresMs: number): void {
    this.#commands.set(key, { effects: 0, expiresMs })
  }

  /** A command goes to the box of that boot. */
  handed(commandId: string, bootId: string | null): void {
    if (bootId !== null) this.#handed.add(`${commandId}/${bootId}`)
  }

  /** A command reached its charger, by the box of that boot. */
  effect(chargerId: string, kind: string, key: string, bootId: string): void {
    const command = this.#commands.get(key)
    if (!command) return
    if (!this.#handed.has(`${commandOf(key)}/${bootId}`))
      this.#stage.broken('I8', `${kind} ${key} took effect at ${chargerId} by a box that it was not sent to`)
    command.effects++
    this.#stage.tell(chargerId, `is told ${kind} ${key}`)
    if (command.effects > 1)
      this.#stage.broken('I6', `${kind} ${key} took effect ${command.effects} times at ${chargerId}`)
    // What a box sent in time is on its way for a moment more.
    if (this.#stage.wallMs > command.expiresMs + SLOWEST_MS)
      this.#stage.broken('I6', `${kind} ${key} took effect at ${chargerId} after it had expired`)
  }
}

/** What a charger is told carries the command's id. */
export const REMOTE_TOKEN = 'R-'
function commandOf(key: string): string {
  return key.startsWith(REMOTE_TOKEN) ? key.slice(REMOTE_TOKEN.length) : key
}
