import { expect, it } from 'vitest'
import { refusalOf } from './guard.ts'
import { FAILSAFE_PROFILE_ID } from './profile-ids.ts'

const profile16 = (purpose: string, id = 7, limit = 8.1, unit = 'A') => ({
  action: 'SetChargingProfile',
  payload: {
    connectorId: 1,
    csChargingProfiles: {
      chargingProfileId: id,
      chargingProfilePurpose: purpose,
      chargingSchedule: { chargingRateUnit: unit, chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
    },
  },
})

it('profiles of sessions are refused, with what they asked for', () => {
  expect(refusalOf(profile16('TxProfile'))).toMatchObject({ evseId: 1, wantedMa: 8_100 })
  expect(refusalOf(profile16('TxDefaultProfile', 7, 4140, 'W'))).toMatchObject({ wantedMa: 20_000 })
})

it('profiles that only tighten pass, unless they use an id of load control', () => {
  expect(refusalOf(profile16('ChargePointMaxProfile'))).toBeUndefined()
  expect(refusalOf(profile16('ChargePointMaxProfile', FAILSAFE_PROFILE_ID))).toBeDefined()
  const profile201 = { id: 7, chargingProfilePurpose: 'ChargingStationMaxProfile', chargingSchedule: [] }
  const set = { action: 'SetChargingProfile', payload: { evseId: 0, chargingProfile: profile201 } }
  expect(refusalOf(set)).toBeUndefined()
})

it('clearing is refused where it would clear the limits of load control', () => {
  const clear = (payload: object) => refusalOf({ action: 'ClearChargingProfile', payload: payload as never })
  expect(clear({})).toBeDefined()
  expect(clear({ id: FAILSAFE_PROFILE_ID })).toBeDefined()
  expect(clear({ chargingProfileCriteria: { chargingProfilePurpose: 'TxProfile' } })).toBeDefined()
  expect(clear({ id: 7 })).toBeUndefined()
  expect(clear({ chargingProfilePurpose: 'ChargePointMaxProfile' })).toBeUndefined()
})

it('a start with a profile and the settings of smart charging are refused, other calls pass', () => {
  const start = { action: 'RequestStartTransaction', payload: { chargingProfile: {} } }
  expect(refusalOf(start)).toBeDefined()
  const set = (name: string) =>
    refusalOf({ action: 'SetVariables', payload: { setVariableData: [{ component: { name } }] } })
  expect(set('SmartChargingCtrlr')).toBeDefined()
  expect(set('smartchargingCTRLR')).toBeDefined()
  expect(set('ClockCtrlr')).toBeUndefined()
  expect(refusalOf({ action: 'UnlockConnector', payload: { connectorId: 1 } })).toBeUndefined()
})
