/** Guessing passwords is slowed per address and per account, counted over all replicas (Bus.add). */
import { BUS, type Bus } from '../platform/bus.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { hashSecret } from './secrets.ts'

const WINDOW_MS = 60_000
/** Failures within the window after which further tries are refused. */
const MAX_FAILURES_PER_ACCOUNT = 5
const MAX_FAILURES_PER_ADDRESS = 20

/**
 * A try, counted as a failure until it is told to have succeeded: many at once must not pass before the first has failed.
 * Throws 429 when there were too many failures lately.
 */
export async function beginSignIn(
  bus: Bus,
  address: string,
  account: string,
): Promise<{ succeeded(): Promise<void> }> {
  const counted = [
    { key: BUS.failedFrom(address), most: MAX_FAILURES_PER_ADDRESS },
    { key: BUS.failedFor(hashSecret(account).toString('base64url')), most: MAX_FAILURES_PER_ACCOUNT },
  ]
  const add = (by: number) => Promise.all(counted.map(({ key }) => bus.add(key, by, WINDOW_MS)))
  const failures = await add(1)
  const over = failures.filter(({ count }, i) => count > counted[i]!.most)
  // A try that is refused is no guess, and one that succeeded is none either.
  if (over.length > 0) {
    await add(-1)
    const seconds = Math.ceil(Math.max(...over.map((it) => it.endsInMs)) / 1000)
    throw new ProblemError(429, 'Too many failed sign-ins: try again in a minute', {}, undefined, {
      'retry-after': String(seconds),
    })
  }
  return {
    async succeeded() {
      await add(-1)
    },
  }
}
