/** What sessions cost, told to stations of a site whose operator wants it: over sockets, by stations that are strict about every message. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { connect21 } from '../testing/connect-21.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController
let station: Pick<ChargePoint, 'call' | 'handle' | 'close'>
/** What the station was told. */
let told: JsonObject[]
let answer: JsonObject

const TARIFF: Tariff = {
  id: 't1',
  currency: 'EUR',
  elements: [
    {
      price_components: [
        { type: 'ENERGY', price: '0.50', vat: '20', step_size: 1 },
        { type: 'TIME', price: '3', vat: '20', step_size: 1 },
      ],
    },
  ],
}
const BOOT = { chargePointVendor: 'V', chargePointModel: 'M' }

beforeEach(async () => {
  told = []
  answer = { status: 'Accepted' }
  site = await TestController.start()
  await site.apply('tokens', { tokens: [{ idToken: 'TAG', type: 'RFID', status: 'Accepted' }] })
  await site.apply('tariffs', { default: TARIFF, byStation: {} })
  await site.apply('site', { runningCost: true })
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open() {
  station = await connect(site.url, 'CP1')
  station.handle('DataTransfer', ({ vendorId, messageId, data }) => {
    expect(vendorId).toBe('org.openchargealliance.costmsg')
    told.push({ messageId: messageId!, ...JSON.parse(String(data)) })
    return answer
  })
  await station.call('BootNotification', BOOT)
}
const timestamp = () => new Date(site.clock.now()).toISOString()
async function start() {
  const said = { connectorId: 1, idTag: 'TAG', meterStart: 1_000, timestamp: timestamp() }
  const { transactionId } = await station.call('StartTransaction', said)
  return transactionId as number
}
const meter = (transactionId: number, value: string) =>
  station.call('MeterValues', {
    ...{ connectorId: 1, transactionId },
    meterValue: [{ timestamp: timestamp(), sampledValue: [{ value }] }],
  })
/** So many minutes pass, one by one, and what comes of each is let happen. */
async function pass(minutes: number) {
  for (let n = 0; n < minutes; n++) {
    site.clock.advance(60_000)
    await station.call('Heartbeat', {})
  }
}
const toldOf = (messageId: string) => told.filter((it) => it.messageId === messageId)

it('a 1.6 station is told what will be asked, what it is so far, and what it was: the amount of the bill', async () => {
  await open()
  const transactionId = await start()
  await site.until(() => toldOf('SetUserPrice')[0])
  expect(toldOf('SetUserPrice')).toEqual([
    { messageId: 'SetUserPrice', idToken: 'TAG', priceText: '0.6 EUR/kWh + 3.6 EUR/h' },
  ])
  await pass(9)
  await meter(transactionId, '2500')
  await pass(1)
  // 1.5 kWh at 0.60, and ten minutes at 3.60 an hour, with tax.
  const running = await site.until(() => toldOf('RunningCost').find(({ meterValue }) => meterValue === 2_500))
  expect(running).toEqual({
    ...{ messageId: 'RunningCost', transactionId, meterValue: 2_500, timestamp: timestamp() },
    ...{ cost: 1.5, state: 'Charging', chargingPrice: { kWhPrice: 0.6, hourPrice: 3.6 } },
  })
  await station.call('StopTransaction', { transactionId, meterStop: 3_000, timestamp: timestamp() })
  const final = await site.until(() => toldOf('FinalCost')[0])
  expect(final).toEqual({
    ...{ messageId: 'FinalCost', transactionId, cost: 1.8, priceText: '2.00 kWh, 10 min: 1.80 EUR' },
  })
  // Its end that is sent again is told once.
  await station.call('StopTransaction', { transactionId, meterStop: 3_000, timestamp: timestamp() })
  await pass(2)
  expect(toldOf('FinalCost')).toHaveLength(1)
})

it('what the operator has written for drivers is shown, in the language of the token', async () => {
  const texts = [
    { language: 'en', text: 'fifty cents' },
    { language: 'de', text: 'fünfzig Cent' },
  ]
  await site.apply('tariffs', { default: { ...TARIFF, tariff_alt_text: texts }, byStation: {} })
  const token = { idToken: 'TAG', type: 'RFID', status: 'Accepted' as const, language: 'de-AT' }
  await site.apply('tokens', { tokens: [token] })
  await open()
  await start()
  expect(await site.until(() => told[0])).toMatchObject({ priceText: 'fünfzig Cent' })
})

it('a station that does not know such messages is asked once, and again after its next boot', async () => {
  answer = { status: 'UnknownVendorId' }
  await open()
  const transactionId = await start()
  await site.until(() => told[0])
  // Its answer is there before what it says next.
  await station.call('Heartbeat', {})
  await pass(9)
  await meter(transactionId, '2500')
  await pass(2)
  expect(told).toHaveLength(1)
  await station.call('BootNotification', BOOT)
  // What a boot does is done after its answer, and before what comes next is answered.
  await station.call('Heartbeat', {})
  await pass(1)
  await site.until(() => told[1])
})

it('nothing is told where nobody wants it, or where nobody pays', async () => {
  await site.apply('tokens', { tokens: [{ idToken: 'TAG', type: 'RFID', status: 'Blocked' }] })
  await open()
  const refused = await start()
  await meter(refused, '2000')
  await pass(2)
  await station.call('StopTransaction', { transactionId: refused, meterStop: 2_000, timestamp: timestamp() })
  await site.apply('tokens', { tokens: [{ idToken: 'TAG', type: 'RFID', status: 'Accepted' }] })
  await site.apply('site', {})
  const transactionId = await start()
  await pass(9)
  await meter(transactionId, '2500')
  await pass(3)
  await station.call('StopTransaction', { transactionId, meterStop: 2_500, timestamp: timestamp() })
  await pass(1)
  expect(told).toEqual([])
})

it('a 2.x station is told between its events, where time alone has changed the cost', async () => {
  station = await connect(site.url, 'CP2', 'ocpp2.0.1')
  station.handle('CostUpdated', (payload) => {
    told.push(payload)
    return {}
  })
  await station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
  await station.call('TransactionEvent', {
    ...{ eventType: 'Started', timestamp: timestamp(), triggerReason: 'CablePluggedIn', seqNo: 0 },
    ...{ transactionInfo: { transactionId: 'tx-1' }, evse: { id: 1, connectorId: 1 } },
    idToken: { idToken: 'TAG', type: 'ISO14443' },
    meterValue: [
      {
        timestamp: timestamp(),
        sampledValue: [
          { value: 1_000, context: 'Transaction.Begin', measurand: 'Energy.Active.Import.Register' },
        ],
      },
    ],
  })
  await pass(5)
  const last = await site.until(() => told.find(({ totalCost }) => totalCost === 0.3))
  expect(last).toEqual({ totalCost: 0.3, transactionId: 'tx-1' })
})

it('a 2.x station that told no register of the start is told of what has flowed since the first one', async () => {
  station = await connect(site.url, 'CP2', 'ocpp2.0.1')
  station.handle('CostUpdated', (payload) => {
    told.push(payload)
    return {}
  })
  const chargingStation = { vendorName: 'V', model: 'M' }
  await station.call('BootNotification', { reason: 'PowerUp', chargingStation })
  const event = (eventType: string, more: JsonObject) =>
    station.call('TransactionEvent', {
      ...{ eventType, timestamp: timestamp(), triggerReason: 'MeterValuePeriodic', seqNo: 0 },
      ...{ transactionInfo: { transactionId: 'tx-1' }, ...more },
    })
  const metered = (value: number) => ({ meterValue: [{ timestamp: timestamp(), sampledValue: [{ value }] }] })
  const idToken = { idToken: 'TAG', type: 'ISO14443' }
  await event('Started', { evse: { id: 1, connectorId: 1 }, idToken })
  await event('Updated', metered(5_000))
  await pass(5)
  await event('Updated', metered(6_000))
  await pass(5)
  // 1 kWh at 0.60, and ten minutes at 3.60 an hour.
  const last = await site.until(() => told.find(({ totalCost }) => totalCost === 1.2))
  expect(last).toEqual({ totalCost: 1.2, transactionId: 'tx-1' })
})

it('a 2.1 station that computes the cost itself is told no other, neither in an answer nor unasked', async () => {
  station = await connect21(site.url, 'CP2')
  station.handle('CostUpdated', (payload) => {
    told.push(payload)
    return {}
  })
  const chargingStation = { vendorName: 'V', model: 'M' }
  await station.call('BootNotification', { reason: 'PowerUp', chargingStation })
  const event = (transactionId: string, eventType: string, wh: number, more: JsonObject = {}) =>
    station.call('TransactionEvent', {
      ...{ eventType, timestamp: timestamp(), triggerReason: 'MeterValuePeriodic', seqNo: 0 },
      transactionInfo: { transactionId },
      meterValue: [{ timestamp: timestamp(), sampledValue: [{ value: wh }] }],
      ...more,
    })
  const begin = (evseId: number, idToken: string) => ({
    evse: { id: evseId, connectorId: 1 },
    idToken: { idToken, type: 'ISO14443' },
  })
  await site.apply('tokens', {
    tokens: ['TAG', 'TAG-2'].map((idToken) => ({ idToken, type: 'RFID', status: 'Accepted' as const })),
  })
  const costDetails = {
    totalCost: { currency: 'EUR', typeOfCost: 'NormalCost', total: { inclTax: 0.7 } },
    totalUsage: { energy: 1, chargingTime: 60, idleTime: 0 },
  }
  await event('own', 'Started', 1_000, { ...begin(1, 'TAG'), costDetails })
  await event('ours', 'Started', 1_000, begin(2, 'TAG-2'))
  site.clock.advance(5 * 60_000)
  expect(await event('own', 'Updated', 2_000, { costDetails })).toEqual({})
  // Nor in the answer to one that does not repeat it.
  expect(await event('own', 'Updated', 2_500)).toEqual({})
  expect(await event('ours', 'Updated', 2_000)).toHaveProperty('totalCost')
  await pass(5)
  await site.until(() => told.length > 2)
  expect(new Set(told.map((it) => it.transactionId))).toEqual(new Set(['ours']))
  const end = () => event('own', 'Ended', 3_000, { costDetails })
  expect(await end()).toEqual({})
  expect(await end()).toEqual({})
  expect(await event('ours', 'Ended', 3_000)).toHaveProperty('totalCost')
})
