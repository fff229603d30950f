import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
let profiles: JsonObject[]
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(siteLimitMa?: number) {
  site = await TestController.start({ config: siteLimitMa === undefined ? {} : { siteLimitMa } })
  station = await connect(site.url, 'CS', 'ocpp2.0.1')
  profiles = []
  station.handle('SetChargingProfile', (payload) => {
    profiles.push(payload)
    return { status: 'Accepted' }
  })
  await station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
}
const start = () =>
  station.call('TransactionEvent', {
    eventType: 'Started',
    timestamp: '2026-11-23T12:00:00Z',
    triggerReason: 'Authorized',
    seqNo: 0,
    transactionInfo: { transactionId: 'tx' },
    idToken: { idToken: 'TAG', type: 'ISO14443' },
    evse: { id: 1, connectorId: 1 },
  })
const needs = (chargingNeeds: object) => station.call('NotifyEVChargingNeeds', { evseId: 1, chargingNeeds })
const AC = {
  requestedEnergyTransfer: 'AC_three_phase',
  acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 16, evMaxVoltage: 400 },
}
const ofSession = () => profiles.filter((it) => (it.chargingProfile as JsonObject).transactionId === 'tx')
const limit = () => ofSession().at(-1)

it('a car is offered the most that it can take, where the site has no limit', async () => {
  await open()
  await start()
  expect(await needs(AC)).toEqual({ status: 'Accepted' })
  await site.until(() => ofSession().length > 0)
  expect(limit()).toMatchObject({
    evseId: 1,
    chargingProfile: {
      chargingProfilePurpose: 'TxProfile',
      chargingSchedule: [{ chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] }],
    },
  })
  const dc = { requestedEnergyTransfer: 'DC', dcChargingParameters: { evMaxCurrent: 100, evMaxVoltage: 400 } }
  await needs(dc)
  await site.until(() => ofSession().length > 1)
  // 40 kW, in amperes of three phases of 230 V.
  expect(JSON.stringify(limit())).toContain('"limit":57.9')
  expect(await site.factsOf('station.event')).toHaveLength(2)
})

it('at a site with a limit it is told the one that load control has for it, again', async () => {
  await open(10_000)
  await start()
  await site.until(() => {
    site.clock.advance(1_000)
    return ofSession().length > 0
  })
  const before = ofSession().length
  expect(await needs(AC)).toEqual({ status: 'Accepted' })
  await site.until(() => {
    site.clock.advance(1_000)
    return ofSession().length > before
  })
  const told = JSON.stringify(limit())
  const [, ampere] = /"limit":([\d.]+)/.exec(told)!
  expect(Number(ampere)).toBeLessThanOrEqual(10)
})

it('without a session there is nothing to offer', async () => {
  await open()
  expect(await needs(AC)).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'NoTransaction' } })
  await station.call('Heartbeat', {})
  expect(ofSession()).toEqual([])
})
