import { expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { CLOUD_SILENCE_MS, CloudSilence } from './silence.ts'

it('a conversation in which nothing is heard for long begins anew, and one in which something is does not', () => {
  const clock = new VirtualClock('2026-11-26T12:00:00Z')
  const begunAt: number[] = []
  const silence = new CloudSilence(clock, { fraction: () => 0.5, bytes: (n) => new Uint8Array(n) }, () =>
    begunAt.push(clock.mono()),
  )
  const beganMs = clock.mono()
  silence.begin()
  clock.advance(CLOUD_SILENCE_MS - 1)
  silence.heard()
  clock.advance(CLOUD_SILENCE_MS)
  expect(begunAt).toEqual([])
  clock.advance(CLOUD_SILENCE_MS / 4)
  expect(begunAt).toHaveLength(1)
  expect(begunAt[0]).toBeGreaterThanOrEqual(beganMs + 2 * CLOUD_SILENCE_MS - 1)

  silence.begin()
  silence.end()
  clock.advance(3 * CLOUD_SILENCE_MS)
  expect(begunAt).toHaveLength(1)
})
