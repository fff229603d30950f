import { expect, it } from 'vitest'
import { failsafeFor, nextSteps, reservedMa } from './safety-ledger.ts'

it('the failsafe is 0 where all connectors together would exceed the limit', () => {
  expect(failsafeFor(32_000, 5, 6_000)).toBe(6_000)
  expect(failsafeFor(32_000, 6, 6_000)).toBe(0)
})

it('a raise is given only out of what nobody has reserved', () => {
  const targets = new Map([
    ['a', 16_000],
    ['b', 16_000],
  ])
  const reserved = new Map([
    ['a', 26_000],
    ['b', 6_000],
  ])
  const current = new Map([
    ['a', 26_000],
    ['b', 6_000],
  ])
  expect(nextSteps(32_000, reserved, current, targets, 6_000)).toEqual({
    decreases: [{ id: 'a', toMa: 16_000 }],
    increases: [],
  })
  reserved.set('a', 16_000)
  current.set('a', 16_000)
  expect(nextSteps(32_000, reserved, current, targets, 6_000).increases).toEqual([{ id: 'b', toMa: 16_000 }])
})

it('a connector reserves the highest of confirmed, unconfirmed and measured', () => {
  const base = { inUse: true, failsafeMa: 6_000 }
  expect(reservedMa(base, 6_000)).toBe(6_000)
  expect(reservedMa({ ...base, confirmedMa: 10_000, unconfirmedMa: 16_000 }, 6_000)).toBe(16_000)
  expect(reservedMa({ ...base, confirmedMa: 10_000, measuredMa: 20_000 }, 6_000)).toBe(20_000)
  expect(reservedMa({ inUse: true }, 6_000)).toBe(32_000)
})

it('of sessions whose limits are not known none may be raised while another may draw as much as it likes', () => {
  const reserved = new Map([
    ['a', 32_000],
    ['b', 32_000],
  ])
  const targets = new Map([
    ['a', 18_500],
    ['b', 18_500],
  ])
  const nobody = new Map<string, number | undefined>()
  expect(nextSteps(37_000, reserved, nobody, targets, 6_000).increases).toEqual([
    { id: 'a', toMa: 6_000 },
    { id: 'b', toMa: 6_000 },
  ])
  expect(nextSteps(48_000, reserved, nobody, targets, 6_000).increases).toEqual([
    { id: 'a', toMa: 16_000 },
    { id: 'b', toMa: 16_000 },
  ])
})
