import { COMMANDS, plan } from '@switchyard/protocol/command/commands.ts'
import { CommandFault } from '@switchyard/protocol/command/define.ts'
import { EXAMPLES } from '@switchyard/protocol/command/examples.fixture.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
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
  expect(
    clear({ chargingProfileId: 7, chargingProfileCriteria: { chargingProfilePurpose: 'TxProfile' } }),
  ).toBeDefined()
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

it('of keys and variables those by which limits are kept are refused', () => {
  const set = (key: string) => refusalOf({ action: 'ChangeConfiguration', payload: { key, value: '1' } })
  expect(set('ChargeProfileMaxStackLevel')).toBeDefined()
  expect(set('VendorSmartChargingEnabled')).toBeDefined()
  expect(set('MeterValueSampleInterval')).toBeUndefined()
  const variable = { component: { name: 'EVSE' }, variable: { name: 'ChargingProfilePersistence' } }
  expect(refusalOf({ action: 'SetVariables', payload: { setVariableData: [variable] } })).toBeDefined()
})

it('of 2.1, what lets a session go beyond its limit by itself is refused, and what only lowers passes', () => {
  const call = (action: string, payload: object) => refusalOf({ action, payload: payload as never })
  expect(call('UpdateDynamicSchedule', { chargingProfileId: 7, scheduleUpdate: { limit: 80 } })).toBeDefined()
  expect(call('UsePriorityCharging', { transactionId: 't', activate: true })).toBeDefined()
  expect(call('UsePriorityCharging', { transactionId: 't', activate: false })).toBeUndefined()
  expect(call('AFRRSignal', { timestamp: '2026-11-23T12:00:00Z', signal: 1 })).toBeDefined()
  expect(call('SetDERControl', { controlType: 'FreqDroop' })).toBeDefined()
  expect(call('SetDERControl', { controlType: 'LimitMaxDischarge' })).toBeUndefined()
  const profile = { id: 7, chargingProfilePurpose: 'PriorityCharging', chargingSchedule: [] }
  for (const chargingProfilePurpose of ['PriorityCharging', 'LocalGeneration'])
    expect(
      call('SetChargingProfile', { evseId: 1, chargingProfile: { ...profile, chargingProfilePurpose } }),
    ).toBeDefined()
})

it('every call that a typed command makes about profiles is judged by what it is, not by how it was asked for', async () => {
  const judged = new Map<string, boolean>()
  for (const kind of ['RemoteStart', 'SetChargingProfile', 'ClearChargingProfile', 'ReserveNow'] as const)
    for (const version of ['1.6', '2.0.1', '2.1'] as const)
      for (const args of EXAMPLES[kind]) {
        const context = {
          version,
          transactionIdOf: () => '7',
          drawId: () => 1,
          itemsPerMessage: () => undefined,
          bytesPerMessage: () => undefined,
          uploadLocation: () => undefined,
          siteUrl: () => undefined,
          firmware: () => undefined,
        }
        const read = COMMANDS[kind].args.parse(args)
        try {
          const [call] = plan(kind, read, await loadValidators(version), context)
          judged.set(
            `${version} ${kind} ${EXAMPLES[kind].indexOf(args as never)}`,
            refusalOf(call!) !== undefined,
          )
        } catch (error) {
          if (!(error instanceof CommandFault)) throw error
        }
      }
  for (const version of ['1.6', '2.0.1', '2.1']) {
    expect(judged.get(`${version} RemoteStart 0`)).toBe(false)
    expect(judged.get(`${version} RemoteStart 1`)).toBe(true)
    expect(judged.get(`${version} SetChargingProfile 0`)).toBe(false)
    expect(judged.get(`${version} SetChargingProfile 1`)).toBe(true)
    expect(judged.get(`${version} ReserveNow 0`)).toBe(false)
    expect(judged.get(`${version} ClearChargingProfile 1`)).toBe(false)
  }
})
