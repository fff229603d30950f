/** Guessing passwords is slowed per address and per account. Counted in this process: each replica counts its own. */
import type { Clock } from '../platform/clock.ts'
import { ProblemError } from '../platform/http/problem.ts'

const WINDOW_MS = 60_000
/** Failures within the window after which further tries are refused. */
const MAX_FAILURES_PER_ACCOUNT = 5
const MAX_FAILURES_PER_ADDRESS = 20
/** Counters that are kept; at the bound the oldest go. */
const MAX_COUNTERS = 10_000

export class SignInLimit {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; since: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * A try, counted as a failure until it is told to have succeeded: many at once must not pass before the first has failed.
   * Throws 429 when there were too many failures lately.
   */
  begin(address: string, email: string): { succeeded(): void } {
    const keys = [`a ${address}`, `e ${email}`] as const
    if (this.#count(keys[0]) >= MAX_FAILURES_PER_ADDRESS || this.#count(keys[1]) >= MAX_FAILURES_PER_ACCOUNT)
      throw new ProblemError(429, 'Too many failed sign-ins: try again in a minute', {}, undefined, {
        'retry-after': String(WINDOW_MS / 1000),
      })
    for (const key of keys) this.#add(key)
    return {
      succeeded: () => {
        for (const key of keys) this.#takeBack(key)
      },
    }
  }

  #takeBack(key: string): void {
    const held = this.#failures.get(key)
    if (held && held.count > 1) held.count--
    else this.#failures.delete(key)
  }

  #count(key: string): number {
    const held = this.#failures.get(key)
    return held && this.#clock.mono() - held.since < WINDOW_MS ? held.count : 0
  }

  #add(key: string): void {
    const count = this.#count(key)
    const since = count === 0 ? this.#clock.mono() : this.#failures.get(key)!.since
    this.#failures.delete(key)
    this.#failures.set(key, { count: count + 1, since })
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= MAX_COUNTERS) break
      this.#failures.delete(oldest)
    }
  }
}
