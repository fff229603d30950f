import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrivingCar, MIN_CURRENT_MA, VOLTAGE_V } from '../car/car.ts'
import { seededRandom } from '../random.ts'
import { type Connector, makeConnectors } from './connector.ts'
import type { InstalledProfile } from './limits/profile.ts'
import { limitsAt, offerUnder } from './limits/resolve.ts'

const HARDWARE = { currentMa: 32_000, phases: 3 }
const T0 = 1_700_000_000_000

function connector(): Connector {
  const [made] = makeConnectors([HARDWARE], [], seededRandom(1))
  made!.car = arrivingCar(
    { name: 'c', capacityMilliWh: 40_000_000, maxCurrentMa: 32_000, phases: 3 },
    { socPermille: 600 },
  )
  made!.session = {
    key: 's',
    connectorId: 1,
    idToken: 'T',
    startedAtMs: T0,
    startRegisterMilliWh: made!.meter.milliWh,
    state: 'EVConnected',
    nextSeqNo: 0,
  }
  return made!
}

const schedules = fc.array(
  fc.record({
    level: fc.nat(5),
    kind: fc.constantFrom<'Absolute' | 'Relative'>('Absolute', 'Relative'),
    purpose: fc.constantFrom<'Tx' | 'TxDefault' | 'StationMax'>('Tx', 'TxDefault', 'StationMax'),
    unit: fc.constantFrom<'A' | 'W'>('A', 'W'),
    startMs: fc.integer({ min: -60_000, max: 120_000 }),
    durationMs: fc.option(fc.integer({ min: 1_000, max: 300_000 }), { nil: undefined }),
    limits: fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 5 }),
    everyMs: fc.integer({ min: 1, max: 90_000 }),
  }),
  { maxLength: 6 },
)

describe('a connector with a charging car', () => {
  it('never draws over its limits, counts exactly what it draws, and its register never falls', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 40 }),
        (specs, ticks) => {
          const installed: InstalledProfile[] = specs.map((it, id) => ({
            connectorId: it.purpose === 'StationMax' ? 0 : 1,
            sessionKey: 's',
            profile: {
              id,
              stackLevel: it.level,
              purpose: it.purpose,
              kind: it.kind,
              schedule: {
                startMs: T0 + it.startMs,
                ...(it.durationMs === undefined ? {} : { durationMs: it.durationMs }),
                unit: it.unit,
                periods: it.limits.map((limit, index) => ({
                  startMs: index * it.everyMs,
                  limit: it.unit === 'A' ? limit : limit * VOLTAGE_V,
                })),
              },
            },
          }))
          const it = connector()
          const session = { sessionKey: 's', startedAtMs: T0 }
          const firstMilliWh = it.meter.milliWh
          const drawn: { atMs: number; powerMw: number }[] = []
          let nowMs = T0
          let atMs = T0
          const offerAt = (time: number) => {
            // Called where a new step begins: what was drawn since the last call is now known.
            drawn.push({ atMs: time, powerMw: it.car!.powerMw })
            const limits = limitsAt(installed, 1, time, session)
            return { value: offerUnder(limits.value, HARDWARE, 3, 1), untilMs: limits.untilMs }
          }
          const limitNow = (time: number) =>
            offerUnder(limitsAt(installed, 1, time, session).value, HARDWARE, 3, 1).currentMa
          let register = firstMilliWh
          for (const ms of ticks) {
            nowMs += ms
            it.run(nowMs, ms, offerAt)
            expect(it.car!.currentMa).toBeLessThanOrEqual(limitNow(nowMs))
            if (limitNow(nowMs) < MIN_CURRENT_MA) expect(it.car!.currentMa).toBe(0)
            expect(it.meter.milliWh).toBeGreaterThanOrEqual(register)
            register = it.meter.milliWh
          }
          let microjoules = 0n
          let before: { atMs: number } = { atMs: T0 }
          for (const { atMs: time, powerMw } of drawn) {
            microjoules += BigInt(powerMw) * BigInt(time - before.atMs)
            // At no moment of the step was the power over what applied throughout it.
            if (time > before.atMs) {
              expect(powerMw).toBeLessThanOrEqual(3 * VOLTAGE_V * limitNow(before.atMs))
              expect(powerMw).toBeLessThanOrEqual(3 * VOLTAGE_V * limitNow(time - 1))
            }
            before = { atMs: time }
            atMs = time
          }
          expect(atMs).toBe(nowMs)
          expect(BigInt(it.meter.milliWh - firstMilliWh)).toBe(microjoules / 3_600_000n)
          expect(it.car!.takenMilliWh).toBe(it.meter.milliWh - firstMilliWh)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('starts its register anywhere but at zero', () => {
    const registers = makeConnectors([HARDWARE, HARDWARE], [], seededRandom(2)).map((it) => it.meter.milliWh)
    expect(new Set(registers).size).toBe(2)
    for (const register of registers) expect(register).toBeGreaterThan(0)
  })

  it('refuses to lose a connector on which a session runs', () => {
    const kept = connector().state()
    expect(() => makeConnectors([], [kept], seededRandom(1))).toThrow('a session runs on connector 1')
  })
})
