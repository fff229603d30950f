/**
 * OCPP 1.6 transaction ids: positive 31-bit integers from a random start per journal, never reused within it. The next one is
 * kept as an entity that the start's own commit writes; ids are drawn and committed in the same order, so it only grows.
 * A fork begins anew far above: stations may know ids that the history which was lost, or the other box, gave out.
 */
import type { Draft, StateReader } from '../draft.ts'
import type { Random } from '../ports.ts'
import { NOTHING, type Outcome } from '../site-state.ts'

export const COUNTER_KIND = 'counter'
const COUNTER_ID = 'transaction'

/** A start in the lower half leaves at least 2^30 ids: one a second for 34 years. */
const START_BELOW = 2 ** 30
/** Ids passed over at a fork: more starts than a site makes between two backups. */
const SKIPPED = 2 ** 20
/** A fork begins at random within so many ids after them, for two boxes may fork from one. */
const SPREAD = 2 ** 26
/** Above it a fork begins in the lower half again. */
const LAST_START = 2 ** 31 - 2 ** 28

export class TransactionIds {
  #next: number
  readonly #random: Random

  constructor(state: StateReader, random: Random) {
    this.#random = random
    this.#next = state.get<number>(COUNTER_KIND, COUNTER_ID) ?? this.#below(START_BELOW)
  }

  /** Draws the next id; the draft must be committed without waiting for anything in between. */
  draw(draft: Draft): number {
    const id = this.#next++
    draft.put(COUNTER_KIND, COUNTER_ID, this.#next)
    return id
  }

  /** For the commit of a fork. Draws from now on are of the new range, whether or not it comes about. */
  redrawn(): Outcome {
    const above = this.#next + SKIPPED + this.#below(SPREAD)
    this.#next = above > LAST_START ? this.#below(START_BELOW) : above
    return { ...NOTHING, puts: [{ kind: COUNTER_KIND, id: COUNTER_ID, value: this.#next }] }
  }

  #below(bound: number): number {
    return 1 + Math.floor(this.#random.fraction() * (bound - 1))
  }
}
