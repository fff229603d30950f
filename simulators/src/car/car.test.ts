import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrivingCar, Car, type CarSpec, MIN_CURRENT_MA, VOLTAGE_V } from './car.ts'
import { EnergyCounter, MICROJOULES_PER_MILLI_WH } from './energy-counter.ts'

const spec = fc.record({
  name: fc.constant('any'),
  capacityMilliWh: fc.integer({ min: 5_000_000, max: 120_000_000 }),
  maxCurrentMa: fc.integer({ min: MIN_CURRENT_MA, max: 80_000 }),
  phases: fc.constantFrom<1 | 3>(1, 3),
})
const offers = fc.array(
  fc.record({
    currentMa: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80_000 })),
    phases: fc.integer({ min: 1, max: 3 }),
    durationMs: fc.integer({ min: 1, max: 120_000 }),
  }),
  { maxLength: 60 },
)

const HATCHBACK: CarSpec = { name: 'h', capacityMilliWh: 50_000_000, maxCurrentMa: 32_000, phases: 3 }

describe('energy counter', () => {
  it('counts exactly, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ powerMw: fc.nat(60_000_000), ms: fc.nat(10_000_000) }), { maxLength: 30 }),
        (pieces) => {
          const counter = new EnergyCounter()
          let microjoules = 0n
          for (const { powerMw, ms } of pieces) {
            counter.add(powerMw, ms)
            microjoules += BigInt(powerMw) * BigInt(ms)
          }
          const unit = BigInt(MICROJOULES_PER_MILLI_WH)
          expect(BigInt(counter.milliWh)).toBe(microjoules / unit)
          expect(BigInt(counter.restMicrojoules)).toBe(microjoules % unit)
        },
      ),
    )
  })
})

describe('a car', () => {
  it('never draws more than it is offered or can take, never less than 6 A, and meters exactly what it draws', () => {
    fc.assert(
      fc.property(spec, fc.nat(950), offers, (carSpec, socPermille, steps) => {
        const car = arrivingCar(carSpec, { socPermille })
        let elapsedMs = 0
        let microjoules = 0n
        for (const { currentMa, phases, durationMs } of steps) {
          const before = car.takenMilliWh
          car.respond({ currentMa, phases }, elapsedMs)
          expect(car.currentMa).toBeLessThanOrEqual(Math.min(currentMa, carSpec.maxCurrentMa))
          expect(car.phases).toBeLessThanOrEqual(Math.min(phases, carSpec.phases))
          if (car.currentMa > 0) expect(car.currentMa).toBeGreaterThanOrEqual(MIN_CURRENT_MA)
          expect(car.powerMw).toBe(VOLTAGE_V * car.currentMa * car.phases)
          microjoules += BigInt(car.powerMw) * BigInt(durationMs)
          car.take(durationMs)
          expect(car.takenMilliWh).toBeGreaterThanOrEqual(before)
          elapsedMs = durationMs
        }
        expect(BigInt(car.takenMilliWh)).toBe(microjoules / BigInt(MICROJOULES_PER_MILLI_WH))
      }),
    )
  })

  it('takes just what it wished for, when it is looked at as often as it says', () => {
    fc.assert(
      fc.property(spec, fc.integer({ min: 1_000, max: 3_000_000 }), (carSpec, wish) => {
        const car = arrivingCar(carSpec, { socPermille: 100, targetMilliWh: wish })
        let elapsedMs = 0
        for (let turn = 0; car.wantsEnergy && turn < 100_000; turn++) {
          car.respond({ currentMa: 32_000, phases: 3 }, elapsedMs)
          elapsedMs = Math.min(1_000, car.contentInMs())
          car.take(elapsedMs)
        }
        expect(car.takenMilliWh).toBeGreaterThanOrEqual(wish)
        // At most the energy of one millisecond more.
        expect(car.takenMilliWh - wish).toBeLessThanOrEqual(Math.ceil((car.powerMw + 1) / 3_600_000) + 1)
      }),
      { numRuns: 30 },
    )
  })

  it('raises its current gradually and lowers it at once', () => {
    const car = arrivingCar(HATCHBACK, { socPermille: 300 })
    const at = (currentMa: number, elapsedMs: number) => {
      car.respond({ currentMa, phases: 3 }, elapsedMs)
      return car.currentMa
    }
    expect(at(32_000, 0)).toBe(0)
    expect(at(32_000, 2_000)).toBe(6_000)
    expect(at(32_000, 1_000)).toBe(9_000)
    expect(at(32_000, 10_000)).toBe(32_000)
    expect(at(10_000, 1)).toBe(10_000)
    expect(at(5_999, 1)).toBe(0)
    // It wakes again before it draws.
    expect(at(16_000, 0)).toBe(0)
    expect(at(16_000, 2_000)).toBe(6_000)
  })

  it('takes less and less above 80 %, 6 A at the end, and stops when full', () => {
    const car = (socPermille: number) => {
      const it = arrivingCar(HATCHBACK, { socPermille })
      it.respond({ currentMa: 32_000, phases: 3 }, 2_000)
      it.respond({ currentMa: 32_000, phases: 3 }, 60_000)
      return it
    }
    expect([700, 800, 900, 999].map((soc) => car(soc).currentMa)).toEqual([32_000, 32_000, 19_000, 6_130])
    const full = car(1000)
    expect(full.wantsEnergy).toBe(false)
    expect(full.currentMa).toBe(0)
  })

  it('is the same car after its state was kept', () => {
    const car = arrivingCar(HATCHBACK, { socPermille: 500, targetMilliWh: 1_000_000 })
    car.respond({ currentMa: 32_000, phases: 3 }, 2_000)
    car.respond({ currentMa: 32_000, phases: 3 }, 60_000)
    car.take(12_345)
    const again = new Car(JSON.parse(JSON.stringify(car.state())))
    expect(again.state()).toEqual(car.state())
    expect(again.socPermille).toBe(car.socPermille)
    expect(again.currentMa).toBe(0)
  })
})
