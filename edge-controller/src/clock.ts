/** The one place where the controller reads time. */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import { clockQuality, stepBetween, type TimeReference } from './clock-quality.ts'
import type { Clock } from './ports.ts'

/** How often the wall clock is compared with the monotonic one. */
const STEP_CHECK_MS = 5_000
/** Longest delay that a Node timer holds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export class SystemClock implements Clock {
  #floorMs: number | undefined
  #reference: TimeReference | undefined

  now(): number {
    return Date.now()
  }

  mono(): number {
    return performance.now()
  }

  quality(): ClockQuality {
    return clockQuality({
      wallMs: this.now(),
      monoMs: this.mono(),
      floorMs: this.#floorMs,
      reference: this.#reference,
    })
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = setTimeout(work, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  }

  /** Tells the newest time that was journalled under a synced clock. */
  setFloor(floorMs: number): void {
    this.#floorMs = floorMs
  }

  /** Tells the cloud's time and the monotonic time it belongs to. */
  setReference(reference: TimeReference): void {
    this.#reference = reference
  }
}

/** Calls back with every step of the wall clock until the returned function is called. */
export function watchSteps(clock: Clock, onStep: (byMs: number) => void): () => void {
  let before = { wallMs: clock.now(), monoMs: clock.mono() }
  let cancel = (): void => {}
  const check = (): void => {
    const after = { wallMs: clock.now(), monoMs: clock.mono() }
    const byMs = stepBetween(before, after)
    before = after
    if (byMs !== 0) onStep(byMs)
    cancel = clock.after(STEP_CHECK_MS, check)
  }
  cancel = clock.after(STEP_CHECK_MS, check)
  return () => cancel()
}
