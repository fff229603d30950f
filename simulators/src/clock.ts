/** Time as an input: the only file of this package that reads the machine's clock. */

export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Monotonic ms, from an origin of its own. */
  mono(): number
  /** Runs `work` once, `delayMs` from now; the function that comes back cancels it. */
  after(delayMs: number, work: () => void): () => void
}

/** Longest delay that Node's timers take; a longer one fires early and is armed again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, work) {
    const dueMs = performance.now() + delayMs
    let timer: NodeJS.Timeout
    const arm = (restMs: number) => {
      timer = setTimeout(
        () => {
          const leftMs = dueMs - performance.now()
          // Node may fire a millisecond early; only a wait that was cut short goes on.
          if (leftMs > 1) arm(leftMs)
          else work()
        },
        Math.min(Math.max(0, restMs), LONGEST_TIMER_MS),
      )
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}

/** A clock that moves only when told to, for tests and for simulations that run faster than time. */
export class VirtualClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #timers: { dueMs: number; work: () => void }[] = []

  constructor(startMs: number) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  mono(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), work }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((it) => it !== timer)
    }
  }

  /** Moves on by `ms`, running what falls due in the order of its time (and of its arming, at the same time). */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      let next: { dueMs: number; work: () => void } | undefined
      for (const timer of this.#timers) {
        if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
      }
      if (next === undefined) break
      const due = next
      this.#timers = this.#timers.filter((it) => it !== due)
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      due.work()
    }
    this.#nowMs = endMs
  }
}
