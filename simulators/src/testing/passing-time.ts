/** Virtual time in tests with real sockets: it passes while the sockets do their work. */
import type { VirtualClock } from '../clock.ts'

/** Virtual ms that pass at a turn of the event loop. */
const STEP_MS = 50
/** Turns after which a condition is taken never to come true. */
const TURNS_MAX = 200_000

/** Lets time pass until the condition holds. Throws, saying what was waited for, if it never does. */
export async function passUntil(
  clock: VirtualClock,
  condition: () => boolean,
  what: string,
  stepMs = STEP_MS,
): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (condition()) return
    clock.advance(stepMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`it never came to this: ${what}`)
}

/** Lets so much time pass, in steps that leave the sockets room. */
export async function pass(clock: VirtualClock, ms: number, stepMs = 250): Promise<void> {
  const untilMs = clock.now() + ms
  while (clock.now() < untilMs) {
    clock.advance(Math.min(stepMs, untilMs - clock.now()))
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets time pass until the promise settles. */
export async function passDuring<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let settled = false
  const both = work.finally(() => {
    settled = true
  })
  both.catch(() => {})
  await passUntil(clock, () => settled, 'the promise settles')
  return both
}
