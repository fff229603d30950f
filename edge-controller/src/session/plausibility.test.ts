import { mostMilliWh } from '@switchyard/protocol/billing/plausible.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkStart, checkStep, checkZeroStart, MOST_FROM_ZERO_MILLI_WH } from './plausibility.ts'

const HOUR_MS = 3_600_000
const from = { atMs: 0, milliWh: 1_000_000 }

it('energy may reach the power of the connector and a quarter more', () => {
  // 22 kW for an hour, times 1.25, and one meter step.
  expect(mostMilliWh(22_000, HOUR_MS)).toBe(27_500_000 + 100_000)
  const to = (milliWh: number) => ({ atMs: HOUR_MS, milliWh: from.milliWh + milliWh })
  expect(checkStep(from, to(27_500_000), 22_000, true)).toEqual([])
  expect(checkStep(from, to(27_700_000), 22_000, true)).toEqual(['register-implausible-power'])
  expect(checkStep(from, { atMs: 0, milliWh: 9_000_000 }, 22_000, true)).toEqual([
    'register-implausible-power',
  ])
})

it('a register does not fall, but a sampled one may be rounded', () => {
  const lower = { atMs: HOUR_MS, milliWh: from.milliWh - 50_000 }
  expect(checkStep(from, lower, 22_000, true)).toEqual(['register-falling'])
  expect(checkStep(from, lower, 22_000, false)).toEqual([])
  expect(checkStep(from, { ...lower, milliWh: 0 }, 22_000, false)).toEqual(['register-falling'])
})

it('a start at zero is doubted only on a meter that was above zero before', () => {
  const meter = { register: { atMs: 9_000, milliWh: 910_000_000 }, aboveZeroSinceMs: 1_000 }
  expect(checkStart(0, 2_000, meter)).toEqual(['register-zero-start'])
  expect(checkStart(0, 2_000, {})).toEqual([])
  expect(checkStart(0, 500, meter)).toEqual([])
})

it('a start below what the meter showed before would bill energy a second time', () => {
  const meter = { register: { atMs: 1_000, milliWh: 5_000_000 }, aboveZeroSinceMs: 1_000 }
  expect(checkStart(4_000_000, 2_000, meter)).toEqual(['register-falling'])
  expect(checkStart(4_950_000, 2_000, meter)).toEqual([])
  expect(checkStart(4_000_000, 500, meter)).toEqual([])
})

it('the first that is heard of a meter may be a start at zero: 910 kWh are doubted, what a car takes is not', () => {
  expect(checkZeroStart(0, 910_083_000)).toEqual(['register-zero-start'])
  expect(checkZeroStart(0, 80_000_000)).toEqual([])
  expect(checkZeroStart(910_000_000, 1_190_000_000)).toEqual([])
})

const register = fc.integer({ min: 0, max: 9_000_000_000_000 })
const power = fc.integer({ min: 1_000, max: 400_000 })
const duration = fc.integer({ min: 0, max: 7 * 24 * HOUR_MS })

it('what a connector can deliver is never doubted, whatever its meter has counted before', () => {
  fc.assert(
    fc.property(
      register,
      power,
      duration,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (start, maxW, ms, part) => {
        const milliWh = Math.floor((maxW * ms * part) / 3_600)
        const end = { atMs: ms, milliWh: start + milliWh }
        expect(checkStep({ atMs: 0, milliWh: start }, end, maxW, true)).toEqual([])
        if (start > 0) expect(checkZeroStart(start, end.milliWh)).toEqual([])
      },
    ),
  )
})

it('a meter that fell, or that counted a lifetime in a session, is always doubted', () => {
  fc.assert(
    fc.property(
      register,
      power,
      duration,
      fc.integer({ min: 1, max: 1_000_000_000 }),
      (start, maxW, ms, by) => {
        const from = { atMs: 0, milliWh: start + by }
        expect(checkStep(from, { atMs: ms, milliWh: start }, maxW, true)).toEqual(['register-falling'])
        const beyond = { atMs: ms, milliWh: start + mostMilliWh(maxW, ms) + by }
        expect(checkStep({ atMs: 0, milliWh: start }, beyond, maxW, true)).toEqual([
          'register-implausible-power',
        ])
        expect(checkZeroStart(0, MOST_FROM_ZERO_MILLI_WH + by)).toEqual(['register-zero-start'])
      },
    ),
  )
})

it('a start at zero is believed of a meter that was at zero, and of nobody else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.integer({ min: 1 }), (seenMs, startedMs) => {
      const reasons = checkStart(0, startedMs, { aboveZeroSinceMs: seenMs })
      expect(reasons).toEqual(seenMs <= startedMs ? ['register-zero-start'] : [])
    }),
  )
})
