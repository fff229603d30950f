import { mostMilliWh } from '@switchyard/protocol/billing/plausible.ts'
import { expect, it } from 'vitest'
import { checkStart, checkStep } from './plausibility.ts'

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
