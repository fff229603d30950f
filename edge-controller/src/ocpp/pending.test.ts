/** What a station may say, and be asked for, before it is accepted (2.x use cases B02 and B03). */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }
const AT = '2026-11-23T12:00:00Z'
const STATUS = { timestamp: AT, connectorStatus: 'Available', evseId: 1, connectorId: 1 }
const REPORT = { requestId: 1, generatedAt: AT, seqNo: 0 }
const REFUSED = { rpcErrorCode: 'SecurityError' }

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(rejected: boolean): Promise<JsonObject> {
  site = await TestController.start({ config: { onboarding: 'approve' } })
  await site.apply('stations', { stations: [{ stationId: 'CP1', approved: false, rejected }] })
  station = await connect(site.url, 'CP1', 'ocpp2.0.1')
  station.handle('TriggerMessage', () => ({ status: 'Accepted' }))
  return station.call('BootNotification', BOOT)
}
const trigger = (requestedMessage: string) =>
  site.controller.execute(
    {
      id: requestedMessage,
      stationId: 'CP1',
      issuedAt: AT,
      expiresAt: AT,
      kind: 'TriggerMessage',
      args: { requestedMessage },
    },
    30_000,
    () => true,
  )

describe('a station that is Pending', () => {
  it('is heard with a report, and with nothing that it was not asked for', async () => {
    expect(await open(false)).toMatchObject({ status: 'Pending', interval: 30 })
    expect(await station.call('NotifyReport', REPORT)).toEqual({})
    await expect(station.call('StatusNotification', STATUS)).rejects.toMatchObject(REFUSED)
    await expect(station.call('Heartbeat', {})).rejects.toMatchObject(REFUSED)
  })

  it('is heard with what a TriggerMessage asked for, until its connection ends', async () => {
    await open(false)
    expect(await trigger('StatusNotification')).toMatchObject({ status: 'accepted' })
    expect(await station.call('StatusNotification', STATUS)).toEqual({})
    await expect(station.call('Heartbeat', {})).rejects.toMatchObject(REFUSED)
    await station.close()
    station = await connect(site.url, 'CP1', 'ocpp2.0.1')
    await expect(station.call('StatusNotification', STATUS)).rejects.toMatchObject(REFUSED)
  })
})

it('a station that was Rejected is heard with its next boot alone', async () => {
  expect(await open(true)).toMatchObject({ status: 'Rejected', interval: 60 })
  await expect(station.call('NotifyReport', REPORT)).rejects.toMatchObject(REFUSED)
  await expect(station.call('StatusNotification', STATUS)).rejects.toMatchObject(REFUSED)
  expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Rejected' })
})

it('one that has never booted here is heard with nothing but its boot', async () => {
  site = await TestController.start()
  station = await connect(site.url, 'CP1', 'ocpp2.0.1')
  await expect(station.call('NotifyReport', REPORT)).rejects.toMatchObject(REFUSED)
  expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
  expect(await station.call('NotifyReport', REPORT)).toEqual({})
})
