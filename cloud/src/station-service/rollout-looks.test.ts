import { expect, test } from 'vitest'
import { LOOK_MAX_MS, LOOK_MS, nextLookMs } from './rollout-decide.ts'

const MINUTE_MS = 60_000

/** Times of all looks within an hour after something happened at 0. */
function looks(times: number[]): number[] {
  const all: number[] = []
  for (let at = LOOK_MS; at < 60 * MINUTE_MS; at = nextLookMs(times, at)) all.push(at)
  return all
}

test('a roll-out in which nothing happens is looked at ever more rarely, and never more rarely than said', () => {
  const all = looks([0])
  const gaps = all.slice(1).map((at, i) => at - all[i]!)
  expect(gaps[0]).toBe(LOOK_MS)
  expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps)
  expect(gaps.at(-1)).toBe(LOOK_MAX_MS)
  // Every two seconds there were 1,800.
  expect(all.length).toBeLessThan(220)
})

test('what ends by itself is seen when it does, and looked at often again', () => {
  const deadlineMs = 30 * MINUTE_MS + 1
  const all = looks([0, deadlineMs])
  expect(all).toContain(deadlineMs)
  expect(all).toContain(deadlineMs + LOOK_MS)
})
