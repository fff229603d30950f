/** Repeats a piece of work while there is some, then waits for a wake-up or the poll, whichever is first. */
import type { Logger } from 'pino'
import { type Clock, sleep } from '../clock.ts'
import { faultOf } from '../log.ts'

/** First wait after a failure; doubles up to the cap. */
const BACKOFF_FIRST_MS = 200
const BACKOFF_CAP_MS = 10_000

export interface Loop {
  wake(): void
  /** Resolves once the work under way is done. */
  stop(): Promise<void>
}

export interface LoopOptions {
  clock: Clock
  log: Logger
  name: string
  pollMs: number
  /** True: there may be more, go on at once. Throwing is logged and tried again with back-off. */
  work(): Promise<boolean>
}

export function createLoop({ clock, log, name, pollMs, work }: LoopOptions): Loop {
  const stopping = new AbortController()
  let woken = false
  let waiting: AbortController | undefined
  let failures = 0

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = false
      let waitMs = pollMs
      try {
        const more = await work()
        failures = 0
        if (more) continue
      } catch (error) {
        waitMs = Math.min(BACKOFF_FIRST_MS * 2 ** failures, BACKOFF_CAP_MS)
        failures = Math.min(failures + 1, 16)
        log.warn(
          { ...faultOf(error), loop: name, retryInMs: waitMs },
          'background work failed; it is tried again',
        )
        woken = false
      }
      if (woken || stopping.signal.aborted) continue
      waiting = new AbortController()
      await sleep(clock, waitMs, waiting.signal)
      waiting = undefined
    }
  }
  const running = run()

  return {
    wake() {
      woken = true
      // After a failure the back-off stands: a flood of wake-ups must not become a flood of failing statements.
      if (failures === 0) waiting?.abort()
    },
    async stop() {
      stopping.abort()
      waiting?.abort()
      await running
    },
  }
}
