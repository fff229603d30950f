/**
 * A cloud that has said nothing for a long time is asked for a new welcome. Who has nothing to send would not learn otherwise that
 * the conversation is over: that the cloud was put back to before it and misses rows that it had acknowledged, or that another lane
 * speaks for the site.
 */
import type { Clock, Random } from '../ports.ts'
import { stretchedMs } from './backoff.ts'

/** A conversation in which the cloud is silent for so long begins anew; longer by up to a quarter, so that sites do not come together. */
export const CLOUD_SILENCE_MS = 10 * 60_000

export class CloudSilence {
  readonly #clock: Clock
  readonly #random: Random
  readonly #tooLong: () => void
  #limitMs = 0
  #heardMs = 0
  #cancel = (): void => {}

  constructor(clock: Clock, random: Random, tooLong: () => void) {
    this.#clock = clock
    this.#random = random
    this.#tooLong = tooLong
  }

  begin(): void {
    this.#limitMs = stretchedMs(0, CLOUD_SILENCE_MS, CLOUD_SILENCE_MS, this.#random)
    this.heard()
    this.#look()
  }

  /** A message of this conversation came. */
  heard(): void {
    this.#heardMs = this.#clock.mono()
  }

  end(): void {
    this.#cancel()
  }

  #look(): void {
    this.#cancel()
    const leftMs = this.#heardMs + this.#limitMs - this.#clock.mono()
    if (leftMs <= 0) this.#tooLong()
    else this.#cancel = this.#clock.after(leftMs, () => this.#look())
  }
}
