/** The one place of the cloud that reads clocks and makes randomness; everything else is given these two. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Monotonic ms within this process. */
  mono(): number
  /** Runs `work` once after `delayMs`; returns how to cancel it. Does not keep the process alive. */
  after(delayMs: number, work: () => void): () => void
}

export interface Random {
  bytes(length: number): Buffer
  /** Random UUID (version 4). */
  uuid(): string
  /** Uniform integer in [0, below), `below` at most 2^48. */
  below(below: number): number
}

/** Longest delay that Node's timers keep; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
  below: (below) => randomInt(below),
}

/** Resolves after `delayMs` of the clock, or at once when `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    })
    const aborted = (): void => {
      cancel()
      resolve()
    }
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
