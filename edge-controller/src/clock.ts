/** The one place where the controller reads time. */
import { existsSync } from 'node:fs'
import { SiteClock, type Time } from './site-clock.ts'

/** Longest delay that a Node timer holds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** systemd-timesyncd makes it once it has set the clock; a reboot takes it away. */
const TIMESYNC_FILE = '/run/systemd/timesync/synchronized'
/** How often it is looked for. */
const LOOK_EVERY_MS = 10_000
let looked = { monoMs: Number.NEGATIVE_INFINITY, synced: false }

const systemTime: Time = {
  now: () => Date.now(),
  mono: () => performance.now(),
  isServed(monoMs) {
    if (monoMs - looked.monoMs >= LOOK_EVERY_MS) looked = { monoMs, synced: existsSync(TIMESYNC_FILE) }
    return looked.synced
  },
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
