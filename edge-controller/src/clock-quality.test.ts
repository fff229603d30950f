import { describe, expect, it } from 'vitest'
import { LONGEST_OFF_MS, REFERENCE_LIFETIME_MS, stepBetween, timeOf } from './clock-quality.ts'

const wallMs = 1_800_000_000_000

describe('without the cloud', () => {
  it('nothing is known of a clock without a floor', () => {
    expect(timeOf({ wallMs, monoMs: 10 })).toEqual({ nowMs: wallMs, quality: 'unknown' })
  })

  it('a wall clock past the newest synced row holds over', () => {
    expect(timeOf({ wallMs, monoMs: 10, floorMs: wallMs - 1 })).toEqual({
      nowMs: wallMs,
      quality: 'holdover',
    })
  })

  it('one before it is not believed: time goes on from there, and is unknown', () => {
    const reading = { wallMs: 60_000, monoMs: 5_000, floorMs: wallMs, floorMonoMs: 1_000 }
    expect(timeOf(reading)).toEqual({ nowMs: wallMs + 4_000, quality: 'unknown' })
  })

  it('nor is one that is years ahead of it', () => {
    const reading = { wallMs: wallMs + LONGEST_OFF_MS + 1, monoMs: 5_000, floorMs: wallMs }
    expect(timeOf(reading)).toEqual({ nowMs: wallMs + 5_000, quality: 'unknown' })
  })

  it('a system that follows a time server is believed', () => {
    expect(timeOf({ wallMs, monoMs: 10, isServed: true })).toEqual({ nowMs: wallMs, quality: 'holdover' })
  })
})

describe('with the time of the cloud', () => {
  it('the wall clock is believed while it agrees, carried on by monotonic time', () => {
    const reference = { cloudMs: wallMs, monoMs: 1_000 }
    const agrees = { wallMs: wallMs + 60_000, monoMs: 61_000, reference }
    expect(timeOf(agrees)).toEqual({ nowMs: wallMs + 60_000, quality: 'synced' })
  })

  it('one that contradicts it is not, wherever it leaps to', () => {
    const reference = { cloudMs: wallMs, monoMs: 1_000 }
    for (const wrong of [0, wallMs - 3_600_000, wallMs + 86_400_000 * 365])
      expect(timeOf({ wallMs: wrong, monoMs: 61_000, reference })).toEqual({
        nowMs: wallMs + 60_000,
        quality: 'synced',
      })
  })

  it('over a slow link, it is believed while it agrees within half of the round trip more', () => {
    const reference = { cloudMs: wallMs, monoMs: 0, withinMs: 20_000 }
    expect(timeOf({ wallMs: wallMs + 24_000, monoMs: 0, reference })).toEqual({
      nowMs: wallMs + 24_000,
      quality: 'synced',
    })
    expect(timeOf({ wallMs: wallMs + 26_000, monoMs: 0, reference }).nowMs).toBe(wallMs)
  })

  it('holds over once that is too old, and monotonic time still tells a leap', () => {
    const reference = { cloudMs: wallMs, monoMs: 0 }
    const monoMs = REFERENCE_LIFETIME_MS + 1
    expect(timeOf({ wallMs: wallMs + monoMs + 20_000, monoMs, reference })).toEqual({
      nowMs: wallMs + monoMs + 20_000,
      quality: 'holdover',
    })
    expect(timeOf({ wallMs: 0, monoMs, reference })).toEqual({ nowMs: wallMs + monoMs, quality: 'holdover' })
  })
})

it('tells a step of a clock from drift', () => {
  const before = { wallMs, monoMs: 0 }
  expect(stepBetween(before, { wallMs: wallMs + 5_800, monoMs: 5_000 })).toBe(0)
  expect(stepBetween(before, { wallMs: wallMs - 3_600_000, monoMs: 5_000 })).toBe(-3_605_000)
})
