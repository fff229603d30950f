import { describe, expect, it } from 'vitest'
import { compositeSchedule } from './composite.ts'
import type { InstalledProfile, Profile } from './profile.ts'
import { limitsAt, limitToMa, offerUnder, profileAt } from './resolve.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A Monday, midnight UTC. */
const T0 = Date.UTC(2026, 5, 1)
const SESSION = { sessionKey: 's', startedAtMs: T0 + HOUR }

function profile(changes: Partial<Profile> & { limit?: number } = {}): Profile {
  const { limit = 16_000, ...rest } = changes
  return {
    id: 1,
    stackLevel: 0,
    purpose: 'TxDefault',
    kind: 'Absolute',
    schedule: { startMs: T0, unit: 'A', periods: [{ startMs: 0, limit }] },
    ...rest,
  }
}

const at = (connectorId: number, it: Profile): InstalledProfile => ({
  connectorId,
  profile: it,
  ...(it.purpose === 'Tx' ? { sessionKey: 's' } : {}),
})

describe('a profile says at a time', () => {
  const steps = profile({
    schedule: {
      startMs: T0,
      durationMs: 3 * HOUR,
      unit: 'A',
      periods: [
        { startMs: 0, limit: 10_000 },
        { startMs: HOUR, limit: 20_000, phases: 1 },
      ],
    },
  })
  const relative = profile({ kind: 'Relative', schedule: { ...steps.schedule, startMs: T0 + 99 * DAY } })
  const daily = profile({ ...steps, kind: 'Recurring', recurrency: 'Daily' })
  const weekly = profile({ ...steps, kind: 'Recurring', recurrency: 'Weekly' })
  const valid = profile({ validFromMs: T0 + HOUR, validToMs: T0 + 2 * HOUR })
  const cases: [string, Profile, number, number | undefined, number | undefined, number][] = [
    // what, profile, time, session start, limit, until
    ['nothing before its start', steps, T0 - 1, undefined, undefined, T0],
    ['its first period', steps, T0, undefined, 10_000, T0 + HOUR],
    ['its second period from its very start', steps, T0 + HOUR, undefined, 20_000, T0 + 3 * HOUR],
    ['nothing after its duration', steps, T0 + 3 * HOUR, undefined, undefined, Infinity],
    ['nothing when it is relative and no session runs', relative, T0, undefined, undefined, Infinity],
    ['periods from the start of the session', relative, T0 + HOUR, T0 + HOUR, 10_000, T0 + 2 * HOUR],
    ['the later period of the session', relative, T0 + 2 * HOUR, T0 + HOUR, 20_000, T0 + 4 * HOUR],
    ['the same every day', daily, T0 + 5 * DAY + HOUR, undefined, 20_000, T0 + 5 * DAY + 3 * HOUR],
    ['nothing between its daily runs', daily, T0 + 5 * DAY + 4 * HOUR, undefined, undefined, T0 + 6 * DAY],
    ['the same every week', weekly, T0 + 7 * DAY, undefined, 10_000, T0 + 7 * DAY + HOUR],
    ['nothing on another day of the week', weekly, T0 + DAY, undefined, undefined, T0 + 7 * DAY],
    ['nothing before it is valid', valid, T0, undefined, undefined, T0 + HOUR],
    ['its limit while it is valid', valid, T0 + HOUR, undefined, 16_000, T0 + 2 * HOUR],
    ['nothing once it is not valid any more', valid, T0 + 2 * HOUR, undefined, undefined, Infinity],
  ]
  it.each(cases)('%s', (_, it, time, start, limit, untilMs) => {
    const said = profileAt(it, time, start)
    expect(said.value?.limit).toBe(limit)
    expect(said.untilMs).toBe(untilMs)
  })
})

describe('the stack', () => {
  const stationMax = at(0, profile({ id: 9, purpose: 'StationMax', limit: 25_000 }))
  const defaultAll = at(0, profile({ id: 1, limit: 10_000 }))
  const defaultOne = at(1, profile({ id: 2, limit: 12_000 }))
  const defaultHigh = at(0, profile({ id: 3, stackLevel: 5, limit: 14_000 }))
  const tx = at(1, profile({ id: 4, purpose: 'Tx', limit: 20_000 }))
  const txHighLater = at(
    1,
    profile({
      id: 5,
      purpose: 'Tx',
      stackLevel: 3,
      schedule: {
        startMs: T0 + 4 * HOUR,
        durationMs: HOUR,
        unit: 'A',
        periods: [{ startMs: 0, limit: 6_000 }],
      },
    }),
  )
  const ofAnother = { ...tx, sessionKey: 'another' }
  const now = T0 + 2 * HOUR
  const cases: [string, InstalledProfile[], number, typeof SESSION | undefined, number | undefined][] = [
    ['is empty', [], 1, SESSION, undefined],
    ['applies a default of the station to a connector', [defaultAll], 1, SESSION, 10_000],
    ["puts the connector's own default before the station's", [defaultAll, defaultOne], 1, SESSION, 12_000],
    ["does not apply another connector's default", [defaultOne], 2, SESSION, undefined],
    ['puts the higher level before all', [defaultAll, defaultOne, defaultHigh], 1, SESSION, 14_000],
    ['lets a TxProfile overrule defaults, even upwards', [defaultHigh, tx], 1, SESSION, 20_000],
    ['ignores a TxProfile of another session', [defaultAll, ofAnother], 1, SESSION, 10_000],
    ['ignores a TxProfile without a session', [defaultAll, tx], 1, undefined, 10_000],
    ['falls to the level below while the higher one says nothing', [tx, txHighLater], 1, SESSION, 20_000],
  ]
  it.each(cases)('%s', (_, installed, connector, session, limit) => {
    expect(limitsAt(installed, connector, now, session).value.session?.limit).toBe(limit)
  })

  it('gives the station’s limit beside that of the session, and offers the lower', () => {
    const { value } = limitsAt([stationMax, tx], 1, now, SESSION)
    const hardware = { currentMa: 32_000, phases: 3 }
    expect(offerUnder(value, hardware, 3, 1).currentMa).toBe(20_000)
    expect(offerUnder({ ...value, session: undefined }, hardware, 3, 1).currentMa).toBe(25_000)
    expect(offerUnder(value, hardware, 3, 2).currentMa).toBe(12_500)
  })

  it('says until when nothing changes, a higher level that is yet to come included', () => {
    expect(limitsAt([tx, txHighLater], 1, now, SESSION).untilMs).toBe(T0 + 4 * HOUR)
  })

  it('spreads watts over the phases that the car uses, and keeps to numberPhases', () => {
    expect(limitToMa({ unit: 'W', limit: 11_040_000 }, 3)).toBe(16_000)
    expect(limitToMa({ unit: 'W', limit: 3_680_000 }, 1)).toBe(16_000)
    const hardware = { currentMa: 32_000, phases: 3 }
    const watts = { session: { unit: 'W' as const, limit: 6_900_000 }, station: undefined }
    expect(offerUnder(watts, hardware, 3, 1)).toEqual({ currentMa: 10_000, phases: 3 })
    expect(offerUnder(watts, hardware, 1, 1)).toEqual({ currentMa: 30_000, phases: 3 })
    const onePhase = { session: { unit: 'A' as const, limit: 16_000, phases: 1 }, station: undefined }
    expect(offerUnder(onePhase, hardware, 3, 1)).toEqual({ currentMa: 16_000, phases: 1 })
  })

  it('makes a composite schedule of the whole', () => {
    const offerAt = (time: number) => {
      const { value, untilMs } = limitsAt([stationMax, tx, txHighLater], 1, time, SESSION)
      return { value: offerUnder(value, { currentMa: 32_000, phases: 3 }, undefined, 1), untilMs }
    }
    expect(compositeSchedule(offerAt, now, 4 * 3600, 'A')).toEqual({
      durationS: 4 * 3600,
      periods: [
        { startS: 0, limit: 20, numberPhases: 3 },
        { startS: 7_200, limit: 6, numberPhases: 3 },
        { startS: 10_800, limit: 20, numberPhases: 3 },
      ],
    })
    expect(compositeSchedule(offerAt, now, 60, 'W').periods).toEqual([
      { startS: 0, limit: 13_800, numberPhases: 3 },
    ])
  })
})
