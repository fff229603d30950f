/** Counters that end by themselves, in this process: what the bus in memory counts with, and the one over Redis while Redis is away. */
import type { Counted } from './bus.ts'
import type { Clock } from './clock.ts'

/** Most counters kept; the oldest go first. */
export const MAX_COUNTERS = 10_000

export class Counters {
  readonly #clock: Clock
  readonly #held = new Map<string, { count: number; endsAtMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As Bus.add. */
  add(key: string, by: number, windowMs: number): Counted {
    const now = this.#clock.mono()
    const held = this.#held.get(key)
    const before = held && held.endsAtMs > now ? held : { count: 0, endsAtMs: now + windowMs }
    const count = Math.max(0, before.count + by)
    this.#held.delete(key)
    if (count > 0) this.#held.set(key, { count, endsAtMs: before.endsAtMs })
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MAX_COUNTERS) break
      this.#held.delete(oldest)
    }
    return { count, endsInMs: before.endsAtMs - now }
  }
}
