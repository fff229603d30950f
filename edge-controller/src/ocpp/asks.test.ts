import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
let asked: JsonObject[]

beforeEach(async () => {
  site = await TestController.start({ at: '2026-11-23T12:00:00.000Z' })
  await open()
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open() {
  asked = []
  station = await connect(site.url, 'CP1')
  station.handle('TriggerMessage', (payload) => {
    asked.push(payload)
    return { status: 'Accepted' }
  })
  await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
}
const status = (timestamp: string) =>
  station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available', timestamp })

it('a station whose clock is off is asked for a heartbeat, once a connection', async () => {
  await status('2025-10-20T12:00:00Z')
  await site.until(() => asked.length > 0)
  await status('2025-10-20T12:00:01Z')
  await station.call('Heartbeat', {})
  expect(asked).toEqual([{ requestedMessage: 'Heartbeat' }])
  await station.close()
  await open()
  await status('2025-10-20T12:00:02Z')
  await site.until(() => asked.length > 0)
})

it('one whose clock is right is asked nothing', async () => {
  await status('2026-11-23T11:58:30Z')
  await station.call('Heartbeat', {})
  expect(asked).toEqual([])
})

it('what was kept while the station was offline tells old times rightly; a time to come shows a wrong clock', async () => {
  const start = { connectorId: 1, idTag: 'T', meterStart: 0 }
  await station.call('StartTransaction', { ...start, timestamp: '2026-11-23T11:00:00Z' })
  await station.call('Heartbeat', {})
  expect(asked).toEqual([])
  await station.call('StartTransaction', { ...start, timestamp: '2026-11-23T13:00:00Z' })
  await site.until(() => asked.length > 0)
  expect(asked).toEqual([{ requestedMessage: 'Heartbeat' }])
})

it('when our own clock turns out to have been wrong, a station may have its time from us', async () => {
  const before = { nowMs: site.clock.now() - 86_400_000, monoMs: 0, bootId: 'b', quality: 'unknown' as const }
  site.controller.correctTimes({ ...before, nowMs: site.clock.now() - 1_000 })
  await station.call('Heartbeat', {})
  expect(asked).toEqual([])
  site.controller.correctTimes(before)
  await site.until(() => asked.length > 0)
  expect(asked).toEqual([{ requestedMessage: 'Heartbeat' }])
})
