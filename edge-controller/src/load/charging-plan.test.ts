import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChargingNeeds, planCharging } from './charging-plan.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const HOUR_MS = 3_600_000
const car: ChargingNeeds = {
  energyMilliWh: 9_936_000,
  departureMs: NOW + 4 * HOUR_MS,
  minMa: 6_000,
  maxMa: 32_000,
  phases: 3,
  maxPeriods: 12,
}
const now = { shareMa: 16_000, nowMs: NOW, registerMilliWh: undefined, planning: 'earliest' as const }

describe('a charging plan', () => {
  it('gives all of the share until the energy is there, then what a car needs to stay awake', () => {
    // 9.936 kWh at 16 A on three phases of 207 V: one hour.
    expect(planCharging(car, now)).toEqual({
      periods: [
        { startS: 0, limitMa: 16_000 },
        { startS: 3_600, limitMa: 6_000 },
      ],
      isInTime: true,
      reviewAtMs: NOW + 59 * 60_000,
    })
  })

  it('spreads it until departure, where that is wanted, and never below what the car can take', () => {
    const spread = { ...now, planning: 'spread' as const }
    expect(planCharging({ ...car, departureMs: NOW + 2 * HOUR_MS }, spread).periods).toEqual([
      { startS: 0, limitMa: 8_000 },
      { startS: 7_200, limitMa: 16_000 },
    ])
    expect(planCharging(car, spread).periods[0]).toEqual({ startS: 0, limitMa: 6_000 })
  })

  it('gives all there is, and says so, where the energy cannot be there in time', () => {
    const soon = { ...car, departureMs: NOW + HOUR_MS - 1_000 }
    expect(planCharging(soon, now)).toEqual({ periods: [{ startS: 0, limitMa: 16_000 }], isInTime: false })
  })

  it('counts what was taken since the car told its needs', () => {
    const told = { ...car, registerMilliWh: 1_000_000 }
    expect(planCharging(told, { ...now, registerMilliWh: 1_000_000 + 4_968_000 }).periods[1]?.startS).toBe(
      1_800,
    )
    expect(planCharging(told, { ...now, registerMilliWh: 20_000_000 }).periods).toEqual([
      { startS: 0, limitMa: 6_000 },
    ])
  })

  it('keeps to the share, to the periods that the car has room for, and delivers in time what can be', () => {
    const drawn = fc.record({
      energyMilliWh: fc.integer({ min: 0, max: 200_000_000 }),
      departureMs: fc.integer({ min: NOW - HOUR_MS, max: NOW + 48 * HOUR_MS }),
      minMa: fc.integer({ min: 0, max: 10_000 }),
      maxMa: fc.integer({ min: 0, max: 80_000 }),
      phases: fc.constantFrom(1, 2, 3),
      maxPeriods: fc.integer({ min: 0, max: 3 }),
    })
    fc.assert(
      fc.property(
        drawn,
        fc.integer({ min: 0, max: 80_000 }),
        fc.constantFrom('earliest' as const, 'spread' as const),
        (needs, shareMa, planning) => {
          const { periods, isInTime } = planCharging(needs, { ...now, shareMa, planning })
          expect(periods.length).toBeLessThanOrEqual(Math.max(1, needs.maxPeriods))
          expect(periods[0]!.startS).toBe(0)
          expect(Math.max(...periods.map((it) => it.limitMa))).toBeLessThanOrEqual(shareMa)
          const untilS = Math.floor((needs.departureMs - NOW) / 1_000)
          if (!isInTime || untilS <= 0) return
          let milliWh = 0
          for (const [i, { startS, limitMa }] of periods.entries()) {
            const endS = Math.min(untilS, periods[i + 1]?.startS ?? untilS)
            milliWh += (Math.max(0, endS - startS) * limitMa * 207 * needs.phases) / 3_600
          }
          expect(Math.ceil(milliWh)).toBeGreaterThanOrEqual(needs.energyMilliWh)
        },
      ),
    )
  })
})
