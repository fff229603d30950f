/** Which sessions miss events that their stations are to be asked about (2.x use case E14): a while after the first was found missing, once, and again while messages wait. */
import type { SiteState } from '../site-state.ts'
import { ASKS_MAX, missingOf } from './event-numbers.ts'
import { SESSION_KIND, type Session, sessionById, sessionOfTransaction } from './session.ts'

/** What is sent live and what comes out of a queue mix: so long nothing is asked. */
export const GAP_SETTLE_MS = 60_000
/** Messages wait at the station: it is asked again after so long. */
export const GAP_AGAIN_MS = 10 * 60_000

export class GapAsks {
  readonly #state: SiteState
  /** Sessions that miss events, and when their station may be asked next, monotonic ms. */
  readonly #due = new Map<string, number>()

  constructor(state: SiteState, monoMs: number) {
    this.#state = state
    for (const session of state.list<Session>(SESSION_KIND))
      if (missingOf(session).length > 0) this.#due.set(session.sessionId, monoMs + GAP_SETTLE_MS)
  }

  /** A fact tells what is missing of a session now. */
  told(sessionId: string | undefined, missing: readonly unknown[], monoMs: number): void {
    if (sessionId === undefined) return
    if (missing.length === 0) this.#due.delete(sessionId)
    else if (!this.#due.has(sessionId)) this.#due.set(sessionId, monoMs + GAP_SETTLE_MS)
  }

  /** Those whose stations are to be asked now; `isThere`: it can be. */
  due(monoMs: number, isThere: (stationId: string) => boolean): Session[] {
    const due: Session[] = []
    for (const [sessionId, fromMs] of this.#due) {
      const session = sessionById(this.#state, sessionId)
      if (!session || !isToBeAsked(this.#state, session)) this.#due.delete(sessionId)
      else if (fromMs <= monoMs && isThere(session.stationId)) {
        this.#due.set(sessionId, monoMs + GAP_AGAIN_MS)
        due.push(session)
      }
    }
    return due
  }
}

/** A station that has used the transaction's id again would answer for another session. */
function isToBeAsked(state: SiteState, session: Session): boolean {
  const { sessionId, stationId, transactionId, events } = session
  const isItsOwn = sessionOfTransaction(state, stationId, transactionId)?.sessionId === sessionId
  return isItsOwn && missingOf(session).length > 0 && !events?.lost && (events?.asked ?? 0) < ASKS_MAX
}
