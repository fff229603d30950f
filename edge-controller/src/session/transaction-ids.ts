/**
 * OCPP 1.6 transaction ids: positive 31-bit integers from a random start per journal, never reused within it. The next one is
 * kept as an entity that the start's own commit writes; ids are drawn and committed in the same order, so it only grows.
 */
import type { Draft, StateReader } from '../draft.ts'
import type { Random } from '../ports.ts'

export const COUNTER_KIND = 'counter'
const COUNTER_ID = 'transaction'

/** A start in the lower half leaves at least 2^30 ids: one a second for 34 years. */
const START_BELOW = 2 ** 30

export class TransactionIds {
  #next: number

  constructor(state: StateReader, random: Random) {
    this.#next =
      state.get<number>(COUNTER_KIND, COUNTER_ID) ?? 1 + Math.floor(random.fraction() * (START_BELOW - 1))
  }

  /** Draws the next id; the draft must be committed without waiting for anything in between. */
  draw(draft: Draft): number {
    const id = this.#next++
    draft.put(COUNTER_KIND, COUNTER_ID, this.#next)
    return id
  }
}
