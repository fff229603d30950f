import type { Quirk } from '@switchyard/protocol/site/quirks.ts'
import { expect, it } from 'vitest'
import { rateFor } from './rate.ts'

const rate = (limitMa: number, ...quirks: Quirk[]) => rateFor(limitMa, new Set(quirks))

it('is amperes with one decimal, unless the station takes whole ones or watts', () => {
  expect(rate(10_560)).toEqual({ unit: 'A', limit: 10.5 })
  expect(rate(10_560, 'whole-amps')).toEqual({ unit: 'A', limit: 10 })
  expect(rate(10_560, 'watts-only')).toEqual({ unit: 'W', limit: 2_185 })
  expect(rate(10_560, 'watts-only-three-phase')).toEqual({ unit: 'W', limit: 6_557 })
})

it('a pause is 0 in all of them', () => {
  for (const quirk of ['whole-amps', 'watts-only', 'watts-only-three-phase'] as const)
    expect(rate(0, quirk).limit).toBe(0)
})

it('of what contradicts, the lower limit goes', () => {
  expect(rate(16_000, 'watts-only', 'watts-only-three-phase', 'whole-amps')).toEqual({
    unit: 'W',
    limit: 3_312,
  })
})
