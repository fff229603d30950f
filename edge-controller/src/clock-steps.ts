/** Notices when the wall clock is set: by NTP, by hand, or by a battery that was not there. */
import { stepBetween } from './clock-quality.ts'
import type { Clock } from './ports.ts'

/** How often the wall clock is compared with the monotonic one. */
const STEP_CHECK_MS = 5_000

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
