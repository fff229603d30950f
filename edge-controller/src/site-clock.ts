/**
 * The site's clock: the machine's, held against what journal and cloud have said. It never goes back behind the floor, and
 * tells the cloud's time where the machine's contradicts it.
 */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import { type Estimate, type TimeReference, timeOf, uncertaintyOf } from './clock-quality.ts'
import type { Clock } from './ports.ts'

/** Time as the machine tells it, which may be anything; the simulator tells its own. */
export interface Time extends Omit<Clock, 'quality'> {
  /** Whether the machine says that it follows a time server; absent: it does not say. */
  isServed?(monoMs: number): boolean
}

export class SiteClock implements Clock {
  readonly mono: Time['mono']
  readonly after: Time['after']
  readonly #time: Time
  #floor: { ms: number; monoMs: number } | undefined
  #reference: TimeReference | undefined

  constructor(time: Time) {
    this.#time = time
    this.mono = () => time.mono()
    this.after = (delayMs, work) => time.after(delayMs, work)
  }

  /** Whole ms: what is counted back from monotonic time has fractions, which no fact may have. */
  now(): number {
    return Math.round(this.#estimate().nowMs)
  }

  quality(): ClockQuality {
    return this.#estimate().quality
  }

  /** Tells the newest time that was journalled under a synced clock. */
  setFloor(floorMs: number): void {
    this.#floor = { ms: floorMs, monoMs: this.mono() }
  }

  /** Tells the cloud's time and the monotonic time it belongs to; one that says less than the one before is not taken. */
  setReference(reference: TimeReference): void {
    const monoMs = this.mono()
    if (this.#reference && uncertaintyOf(this.#reference, monoMs) < uncertaintyOf(reference, monoMs)) return
    this.#reference = reference
  }

  #estimate(): Estimate {
    const monoMs = this.#time.mono()
    return timeOf({
      wallMs: this.#time.now(),
      monoMs,
      floorMs: this.#floor?.ms,
      floorMonoMs: this.#floor?.monoMs,
      reference: this.#reference,
      isServed: this.#time.isServed?.(monoMs) ?? false,
    })
  }
}
