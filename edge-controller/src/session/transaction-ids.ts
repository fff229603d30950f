/**
 * OCPP 1.6 transaction ids: positive 31-bit integers from a random start per journal, never reused within it. The next one is
 * kept as an entity that the start's own commit writes; ids are drawn and committed in the same order, so it only grows.
 * A fork begins anew far above: stations may know ids that the history which was lost, or the other box, gave out. Until two boxes
 * with one card's content know of each other they give out ids apart, for every boot goes on at random further up.
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
/** A boot goes on at random within so many ids: enough for tens of thousands of boots. */
const BOOT_SPREAD = 2 ** 16
/** Above it a fork begins in the lower half again. */
const LAST_START = 2 ** 31 - 2 ** 28

export class TransactionIds {
  #next: number
  readonly #random: Random

  constructor(state: StateReader, random: Random) {
    this.#random = random
    const kept = state.get<number>(COUNTER_KIND, COUNTER_ID)
    this.#next = kept === undefined ? this.#below(START_BELOW) : this.#above(kept + this.#below(BOOT_SPREAD))
  }

  /** Draws the next id; the draft must be committed without waiting for anything in between. */
  draw(draft: Draft): number {
    const id = this.#next++
    draft.put(COUNTER_KIND, COUNTER_ID, this.#next)
    return id
  }

  /** For the commit of a fork. Draws from now on are of the new range, whether or not it comes about. */
  redrawn(): Outcome {
    this.#next = this.#above(this.#next + SKIPPED + this.#below(SPREAD))
    return { ...NOTHING, puts: [{ kind: COUNTER_KIND, id: COUNTER_ID, value: this.#next }] }
  }

  #above(next: number): number {
    return next > LAST_START ? this.#below(START_BELOW) : next
  }

  #below(bound: number): number {
    return 1 + Math.floor(this.#random.fraction() * (bound - 1))
  }
}
