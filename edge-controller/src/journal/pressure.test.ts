import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  type DiskReading,
  LEAVING_PERCENT,
  mayHoldReserve,
  nextLevel,
  PRESSURE,
  type PressureLevel,
  reserveBytes,
  roomOf,
  THRESHOLDS,
} from './pressure.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

function reading(freeBytes: number, more: Partial<DiskReading> = {}): DiskReading {
  return {
    freeBytes,
    capacityBytes: 8 * GIB,
    usedBytes: 0,
    reusableBytes: 0,
    reserveHeld: true,
    ...more,
  }
}
const levels = fc.constantFrom<PressureLevel>(...Object.values(PRESSURE))
const readings = fc
  .record({
    freeBytes: fc.integer({ min: 0, max: 8 * GIB }),
    usedBytes: fc.integer({ min: 0, max: 2 * GIB }),
    reusableBytes: fc.integer({ min: 0, max: GIB }),
    maxBytes: fc.option(fc.integer({ min: 16 * MIB, max: 4 * GIB }), { nil: undefined }),
    reserveHeld: fc.boolean(),
  })
  .map(({ freeBytes, ...more }) => reading(freeBytes, more))

it('gives up more and more as a card of 8 GB fills', () => {
  const at = (mib: number) => nextLevel(PRESSURE.none, reading(mib * MIB), false)
  expect([2_000, 700, 300, 200, 100, 0].map(at)).toEqual([0, 1, 2, 3, 4, 4])
  expect(nextLevel(PRESSURE.none, reading(2_000 * MIB), true)).toBe(PRESSURE.reserve)
})

it('counts free pages of its own file as room, and holds to a bound that is given', () => {
  expect(nextLevel(PRESSURE.none, reading(0, { reusableBytes: 2 * GIB }), false)).toBe(PRESSURE.none)
  const bounded = { maxBytes: 64 * MIB, usedBytes: 57 * MIB }
  expect(roomOf(reading(4 * GIB, bounded))).toBe(5 * MIB)
  expect(nextLevel(PRESSURE.none, reading(4 * GIB, bounded), false)).toBe(PRESSURE.noTelemetry)
})

it('the reserve is made anew only when there is room for it and for sessions', () => {
  const without = { reserveHeld: false }
  expect(mayHoldReserve(reading(20 * MIB, without))).toBe(false)
  expect(mayHoldReserve(reading(300 * MIB, without))).toBe(true)
  expect(mayHoldReserve(reading(300 * MIB))).toBe(false)
  // Until then the last level stays, whatever the room.
  expect(nextLevel(PRESSURE.reserve, reading(300 * MIB, without), false)).toBe(PRESSURE.reserve)
  expect(nextLevel(PRESSURE.reserve, reading(320 * MIB), false)).toBe(PRESSURE.thin)
})

it('less room never means less is given up, whatever the level was', () => {
  fc.assert(
    fc.property(
      levels,
      readings,
      fc.integer({ min: 0, max: GIB }),
      fc.boolean(),
      (level, it, less, spent) => {
        const fuller = { ...it, freeBytes: Math.max(0, it.freeBytes - less) }
        expect(nextLevel(level, fuller, spent)).toBeGreaterThanOrEqual(nextLevel(level, it, spent))
      },
    ),
  )
})

it('does not flutter: once reached, a level stays at the same reading, and is left only with room to spare', () => {
  fc.assert(
    fc.property(levels, readings, (level, it) => {
      const next = nextLevel(level, it, false)
      expect(nextLevel(next, it, false)).toBe(next)
      const left = THRESHOLDS.filter((t) => t.level > next && t.level <= level)
      for (const { leastBytes } of left)
        expect(roomOf(it) * 100).toBeGreaterThanOrEqual(leastBytes * LEAVING_PERCENT)
    }),
  )
})

it('the reserve is a share of the disk within its bounds', () => {
  const of = (capacityBytes: number) => reserveBytes(reading(0, { capacityBytes }))
  expect([16 * MIB, GIB, 8 * GIB].map(of)).toEqual([2 * MIB, Math.floor(GIB / 100), 16 * MIB])
})
