/** Tokens that a remote start has just vouched for: the cloud has decided, though the token stands in no document. */
import type { Clock } from '../ports.ts'

/** How long a remote start vouches for its token: cable and car need some minutes. */
export const GRANT_MS = 5 * 60_000
/** Grants kept; the oldest goes first. */
export const GRANTS_MAX = 256

export class Grants {
  readonly #clock: Clock
  readonly #untilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns how to take it back when the remote start came to nothing; what an earlier one has vouched for stands. */
  add(stationId: string, token: string): () => void {
    const key = keyOf(stationId, token)
    const beforeMs = this.#untilMs.get(key)
    this.#untilMs.delete(key)
    this.#untilMs.set(key, this.#clock.mono() + GRANT_MS)
    if (this.#untilMs.size > GRANTS_MAX)
      for (const oldest of this.#untilMs.keys()) {
        this.#untilMs.delete(oldest)
        break
      }
    return () => {
      if (beforeMs === undefined) this.#untilMs.delete(key)
      else this.#untilMs.set(key, beforeMs)
    }
  }

  has(stationId: string, token: string): boolean {
    return (this.#untilMs.get(keyOf(stationId, token)) ?? 0) > this.#clock.mono()
  }
}

function keyOf(stationId: string, token: string): string {
  return `${stationId}/${token.toLowerCase()}`
}
