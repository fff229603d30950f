/** The one place where the controller reads time. */
import { SiteClock, type Time } from './site-clock.ts'

/** Longest delay that a Node timer holds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const systemTime: Time = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

export class SystemClock extends SiteClock {
  constructor() {
    super(systemTime)
  }
}
