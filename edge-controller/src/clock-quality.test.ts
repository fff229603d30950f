import { expect, it } from 'vitest'
import { clockQuality, REFERENCE_LIFETIME_MS, stepBetween } from './clock-quality.ts'

const wallMs = 1_800_000_000_000

it('knows nothing of a clock without a floor and without the cloud', () => {
  expect(clockQuality({ wallMs, monoMs: 10 })).toBe('unknown')
})

it('holds over a wall clock past the newest synced row, and distrusts one before it', () => {
  expect(clockQuality({ wallMs, monoMs: 10, floorMs: wallMs - 1 })).toBe('holdover')
  expect(clockQuality({ wallMs: 0, monoMs: 10, floorMs: wallMs })).toBe('unknown')
})

it('is synced while it agrees with the cloud within five seconds, carried on by monotonic time', () => {
  const reference = { cloudMs: wallMs, monoMs: 1_000 }
  expect(clockQuality({ wallMs: wallMs + 60_000, monoMs: 61_000, reference })).toBe('synced')
  expect(clockQuality({ wallMs: wallMs + 65_001, monoMs: 61_000, reference })).toBe('unknown')
})

it('falls back to holdover once the reference is too old', () => {
  const reference = { cloudMs: wallMs, monoMs: 0 }
  const monoMs = REFERENCE_LIFETIME_MS + 1
  expect(clockQuality({ wallMs: wallMs + monoMs, monoMs, reference })).toBe('holdover')
})

it('tells a step of the wall clock from drift', () => {
  const before = { wallMs, monoMs: 0 }
  expect(stepBetween(before, { wallMs: wallMs + 5_800, monoMs: 5_000 })).toBe(0)
  expect(stepBetween(before, { wallMs: wallMs - 3_600_000, monoMs: 5_000 })).toBe(-3_605_000)
})
