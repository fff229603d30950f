import { beforeEach, describe, expect, it } from 'vitest'
import type { Profile, Purpose } from './profile.ts'
import {
  type InstallTarget,
  MAX_PERIODS,
  MAX_PROFILES,
  MAX_STACK_LEVEL,
  ProfileStore,
} from './profile-store.ts'

const SESSION = { sessionKey: 's', startedAtMs: 0, transactionId: '17' }
let store: ProfileStore

beforeEach(() => {
  store = new ProfileStore()
})

function profile(id: number, purpose: Purpose = 'TxDefault', changes: Partial<Profile> = {}): Profile {
  return {
    id,
    stackLevel: 0,
    purpose,
    kind: 'Absolute',
    schedule: { startMs: 0, unit: 'A', periods: [{ startMs: 0, limit: 16_000 }] },
    ...changes,
  }
}
const on = (connectorId: number, version: '1.6' | '2.0.1' = '1.6'): InstallTarget => ({
  version,
  connectorId,
  connectorCount: 2,
  session: SESSION,
})
const ids = () => store.installed.map((it) => it.profile.id)
const periods = (starts: number[]) => ({
  schedule: { startMs: 0, unit: 'A' as const, periods: starts.map((startMs) => ({ startMs, limit: 6_000 })) },
})

describe('a station takes a charging profile', () => {
  it('in place of one with the same id', () => {
    store.install(profile(1), on(1))
    expect(store.install(profile(1, 'TxDefault', { stackLevel: 2 }), on(2))).toBeUndefined()
    expect(store.installed).toMatchObject([{ connectorId: 2, profile: { stackLevel: 2 } }])
  })

  it('in place of one at the same level, in 1.6; in 2.0.1 that needs the same id', () => {
    store.install(profile(1), on(1))
    expect(store.install(profile(2), on(1, '2.0.1'))).toContain('is taken by another profile')
    expect(store.install(profile(2), on(1))).toBeUndefined()
    expect(ids()).toEqual([2])
  })

  const { session: _, ...idle } = on(1)
  const refused: [string, Profile, InstallTarget, string][] = [
    ['on a connector that is not there', profile(1), on(3), 'connector 3 does not exist'],
    [
      'above the highest level',
      profile(1, 'Tx', { stackLevel: MAX_STACK_LEVEL + 1 }),
      on(1),
      'stack level 11',
    ],
    ['for a transaction where none runs', profile(1, 'Tx'), idle, 'no transaction runs'],
    [
      'for another transaction',
      profile(1, 'Tx', { transactionId: '99' }),
      on(1),
      'transaction 99 does not run',
    ],
    ['for a transaction of the whole station', profile(1, 'Tx'), on(0), 'needs a connector'],
    ['as the maximum of one connector', profile(1, 'StationMax'), on(1), 'belongs on connector 0'],
    ['as a relative maximum', profile(1, 'StationMax', { kind: 'Relative' }), on(0), 'cannot be relative'],
    [
      'that recurs without saying how',
      profile(1, 'TxDefault', { kind: 'Recurring' }),
      on(1),
      'without saying how',
    ],
    ['with a first period that is late', profile(1, 'TxDefault', periods([5])), on(1), 'does not start at 0'],
    ['with periods that do not ascend', profile(1, 'TxDefault', periods([0, 5, 5])), on(1), 'do not ascend'],
    [
      'with too many periods',
      profile(1, 'TxDefault', periods(Array.from({ length: MAX_PERIODS + 1 }, (_, i) => i))),
      on(1),
      'more than 24 periods',
    ],
  ]
  it.each(refused)('but not %s', (_, it, target, why) => {
    expect(store.install(it, target)).toContain(why)
    expect(ids()).toEqual([])
  })

  it('until it holds as many as it can', () => {
    for (let id = 0; id < MAX_PROFILES; id++) {
      const target = on((id % 2) + 1)
      expect(
        store.install(profile(id, 'TxDefault', { stackLevel: Math.floor(id / 2) }), target),
      ).toBeUndefined()
    }
    expect(store.install(profile(99), on(0))).toContain('20 profiles are installed already')
    expect(store.install(profile(3), on(0))).toBeUndefined()
  })

  it('and clears by id, or by all of the criteria', () => {
    store.install(profile(1, 'StationMax'), on(0))
    store.install(profile(2, 'TxDefault'), on(1))
    store.install(profile(3, 'TxDefault', { stackLevel: 4 }), on(1))
    store.install(profile(4, 'Tx'), on(1))
    expect(store.clear({ id: 99 })).toBe(0)
    expect(store.clear({ purpose: 'TxDefault', stackLevel: 4 })).toBe(1)
    expect(ids()).toEqual([1, 2, 4])
    expect(store.clear({ id: 2, purpose: 'Tx' })).toBe(1)
    store.endSession('s')
    expect(ids()).toEqual([1])
    expect(store.clear({})).toBe(1)
  })
})
