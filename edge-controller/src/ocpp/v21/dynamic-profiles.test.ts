/** Dynamic profiles (K28) over a socket: what a station may pull, and what load control lets pass. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { TestController, type TestControllerOptions } from '../../testing/test-controller.ts'

let site: TestController
let station: Station
/** The station's word on what it is asked. */
let status: string
afterEach(async () => {
  await station.close()
  await site.stop()
})

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }
async function open(config: TestControllerOptions['config'] = {}) {
  status = 'Accepted'
  site = await TestController.start({ config })
  station = await connect21(site.url, 'CP1')
  for (const action of ['SetChargingProfile', 'UpdateDynamicSchedule', 'ClearChargingProfile'])
    station.handle(action, () => ({ status }))
  await station.call('BootNotification', BOOT)
}
const execute = (kind: string, args: object) =>
  site.controller.execute(
    {
      ...{ id: 'c1', stationId: 'CP1', kind, args: args as JsonObject },
      ...{ issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-23T13:00:00Z' },
    },
    30_000,
  )
const profile = (id: number, purpose: string, kind = 'Dynamic', evseId = 0) => ({
  evseId,
  chargingProfile: {
    ...{
      id,
      stackLevel: 1,
      chargingProfilePurpose: purpose,
      chargingProfileKind: kind,
      dynUpdateInterval: 60,
    },
    chargingSchedule: [
      {
        ...{ id: 1, chargingRateUnit: 'A' },
        chargingSchedulePeriod: [{ startPeriod: 0, limit: 16, limit_L2: 10, numberPhases: 3 }],
      },
    ],
  },
})
const update = (chargingProfileId: number, scheduleUpdate: object) =>
  execute('UpdateDynamicSchedule', { chargingProfileId, scheduleUpdate })
const pull = (chargingProfileId: number) => station.call('PullDynamicScheduleUpdate', { chargingProfileId })

it('a station pulls the limits that were told last: those of the profile, then those of updates that it took', async () => {
  await open()
  expect(await pull(7)).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'InvalidProfileId' } })
  await execute('SetChargingProfile', profile(7, 'TxDefaultProfile', 'Dynamic', 1))
  expect(await pull(7)).toEqual({ status: 'Accepted', scheduleUpdate: { limit: 16, limit_L2: 10 } })
  await update(7, { limit: 12, setpoint: 9 })
  expect(await pull(7)).toEqual({ status: 'Accepted', scheduleUpdate: { limit: 12, setpoint: 9 } })
  status = 'Rejected'
  await update(7, { limit: 6 })
  await execute('SetChargingProfile', profile(8, 'TxDefaultProfile'))
  expect(await pull(7)).toMatchObject({ scheduleUpdate: { limit: 12 } })
  expect(await pull(8)).toMatchObject({ status: 'Rejected' })
  // Over a restart, too.
  await station.close()
  await site.restart()
  station = await connect21(site.url, 'CP1')
  expect(await pull(7)).toMatchObject({ scheduleUpdate: { limit: 12 } })
})

it('a profile that is cleared, or replaced by one that is not dynamic, is pulled no more', async () => {
  await open()
  for (const id of [1, 2, 3, 4])
    await execute('SetChargingProfile', profile(id, 'TxDefaultProfile', 'Dynamic', id))
  await execute('ClearChargingProfile', { chargingProfileId: 1 })
  await execute('ClearChargingProfile', { evseId: 2, chargingProfilePurpose: 'TxDefaultProfile' })
  await execute('SetChargingProfile', profile(3, 'TxDefaultProfile', 'Relative', 3))
  const statuses = await Promise.all([1, 2, 3, 4].map(async (id) => (await pull(id)).status))
  expect(statuses).toEqual(['Rejected', 'Rejected', 'Rejected', 'Accepted'])
})

it('on a site with a limit only limits of the whole station pass, which can only lower', async () => {
  await open({ siteLimitMa: 32_000 })
  const refused = { status: 'failed', error: { code: 'LoadManagement' } }
  expect(await execute('SetChargingProfile', profile(7, 'TxDefaultProfile', 'Dynamic', 1))).toMatchObject(
    refused,
  )
  expect(await execute('SetChargingProfile', profile(8, 'ChargingStationMaxProfile'))).toMatchObject({
    status: 'accepted',
  })
  expect(await update(8, { limit: 40, limit_L3: 8 })).toMatchObject({ status: 'accepted' })
  expect(await pull(8)).toEqual({ status: 'Accepted', scheduleUpdate: { limit: 40, limit_L3: 8 } })
  // A setpoint moves power by itself, and of the profile 9 nobody knows what it is for.
  expect(await update(8, { limit: 10, setpoint: 10 })).toMatchObject(refused)
  expect(await update(9, { limit: 10 })).toMatchObject(refused)
  expect((await site.factsOf('load.limit-refused')).length).toBe(3)
})

it('a profile from before the site had a limit is not updated any more, and the station is told why', async () => {
  await open()
  await execute('SetChargingProfile', profile(7, 'TxDefaultProfile', 'Dynamic', 1))
  await site.apply('site', { limitMa: 20_000 })
  expect(await pull(7)).toMatchObject({
    status: 'Rejected',
    statusInfo: { reasonCode: 'LoadManagement', additionalInfo: expect.stringContaining('load control') },
  })
})
