/** The site's clock: the time that the machine tells, and how far it can be trusted by what journal and cloud have said. */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import { clockQuality, type TimeReference } from './clock-quality.ts'
import type { Clock } from './ports.ts'

/** Time as the machine tells it; the simulator tells its own. */
export type Time = Omit<Clock, 'quality'>

export class SiteClock implements Clock {
  readonly now: Time['now']
  readonly mono: Time['mono']
  readonly after: Time['after']
  #floorMs: number | undefined
  #reference: TimeReference | undefined

  constructor(time: Time) {
    this.now = () => time.now()
    this.mono = () => time.mono()
    this.after = (delayMs, work) => time.after(delayMs, work)
  }

  quality(): ClockQuality {
    return clockQuality({
      wallMs: this.now(),
      monoMs: this.mono(),
      floorMs: this.#floorMs,
      reference: this.#reference,
    })
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
