/** Looks at the tables of this service again whenever facts were projected, until something is so, or the time is over. */
import { BUS } from '../platform/bus.ts'
import type { ServiceContext } from '../platform/service.ts'
import { CONSUMER } from './project.ts'

/** It is looked at this often anyway, in case a wake-up was lost. */
const POLL_MS = 200

/** Gives what was seen last. */
export async function untilProjected<T>(
  { bus, clock }: Pick<ServiceContext, 'bus' | 'clock'>,
  { waitMs, gone }: { waitMs: number; gone: AbortSignal },
  look: () => Promise<T>,
  isSo: (seen: T) => boolean,
): Promise<T> {
  const deadlineMs = clock.mono() + waitMs
  let wake: () => void = () => {}
  const stop = bus.subscribe(BUS.projected(CONSUMER), () => wake())
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        const cancel = clock.after(POLL_MS, resolve)
        wake = () => {
          cancel()
          resolve()
        }
      })
      const seen = await look()
      if (isSo(seen) || clock.mono() >= deadlineMs || gone.aborted) return seen
      await woken
    }
  } finally {
    wake()
    stop()
  }
}
