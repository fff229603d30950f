import { priceEnded } from '@switchyard/protocol/billing/price-ended.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'Example Power', model: 'EP-22G2' } }
const TARIFF: Tariff = {
  id: 'T1',
  currency: 'EUR',
  elements: [
    {
      price_components: [
        { type: 'ENERGY', price: '0.35', vat: '20', step_size: 1000 },
        { type: 'TIME', price: '1.20', vat: '20', step_size: 300 },
        { type: 'FLAT', price: '0.50', step_size: 1 },
      ],
    },
  ],
}
const cheap: Tariff = {
  ...TARIFF,
  id: 'T2',
  elements: [{ price_components: [{ type: 'ENERGY', price: '0.01', step_size: 1 }] }],
}

describe('what a session costs is told to its station as billing will bill it (I02, I03)', () => {
  let site: TestController
  let station: ChargePoint
  beforeEach(async () => {
    site = await TestController.start({ at: '2026-11-23T08:00:00Z' })
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Accepted' }] })
    station = await connect(site.url, 'CS1', 'ocpp2.0.1')
    await station.call('BootNotification', BOOT)
  })
  afterEach(async () => {
    await station.close()
    await site.stop()
  })

  const event = (eventType: string, time: string, wh: number, more: JsonObject = {}, idToken = 'TAG-1') => {
    const timestamp = `2026-11-23T${time}Z`
    site.clock.advance(Math.max(0, Date.parse(timestamp) - site.clock.now()))
    const context = { Started: 'Transaction.Begin', Updated: 'Sample.Periodic', Ended: 'Transaction.End' }[
      eventType
    ]!
    return station.call('TransactionEvent', {
      eventType,
      timestamp,
      triggerReason: 'Trigger',
      seqNo: 0,
      transactionInfo: { transactionId: 'tx-1' },
      ...(eventType === 'Started'
        ? { evse: { id: 1, connectorId: 1 }, idToken: { idToken, type: 'ISO14443' } }
        : {}),
      meterValue: [{ timestamp, sampledValue: [{ value: wh, context }] }],
      ...more,
    })
  }

  it('with every update and at the end, by the tariff of its start, and again where the end is sent again', async () => {
    await site.apply('tariffs', { default: cheap, byStation: { CS1: TARIFF } })
    expect(await event('Started', '08:00:00', 1_000)).not.toHaveProperty('totalCost')
    // 1.5 kWh in steps of one: 2 × 0.35; 10 min: 0.20; both with 20 % VAT; 0.50 once.
    expect(await event('Updated', '08:10:00', 2_500)).toMatchObject({ totalCost: 1.58 })
    await site.apply('tariffs', { default: cheap, byStation: {} })
    const end = await event('Ended', '08:22:00', 4_500)
    expect(await event('Ended', '08:22:00', 4_500)).toEqual(end)
    await station.close()
    station = await connect(site.url, 'CS1', 'ocpp2.0.1')
    await station.call('BootNotification', BOOT)
    expect(await event('Ended', '08:22:00', 4_500)).toEqual(end)
    const [ended] = await site.factsOf('session.ended')
    // 4 kWh: 1.68; 25 min, stepped: 0.60; 0.50.
    expect(end).toEqual({ totalCost: 2.78 })
    expect(end.totalCost).toBe(Number(priceEnded(TARIFF, ended!.data).inclTax))
  })

  it('not where no tariff is known, nor one that came after the start', async () => {
    await event('Started', '08:00:00', 1_000)
    await site.apply('tariffs', { default: cheap, byStation: {} })
    expect(await event('Updated', '08:10:00', 2_500)).toEqual({})
    expect(await event('Ended', '08:20:00', 2_500)).toEqual({})
  })

  it('not where the start was told late: the tariff of that time may have been another', async () => {
    await site.apply('tariffs', { default: cheap, byStation: {} })
    await event('Started', '06:00:00', 1_000, { offline: true })
    expect(await event('Ended', '07:00:00', 2_500, { offline: true })).toEqual({})
  })

  it('not where billing would ask a person first', async () => {
    await site.apply('tariffs', { default: cheap, byStation: {} })
    await event('Started', '08:00:00', 1_000)
    // 500 kWh in ten minutes.
    expect(await event('Updated', '08:10:00', 501_000)).toEqual({})
    expect(await event('Ended', '08:20:00', 501_000)).toEqual({})
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data.review).not.toEqual([])
  })

  it('at the end at what was told, where a person is asked first whether that can be true', async () => {
    await site.apply('tariffs', { default: cheap, byStation: {} })
    await event('Started', '08:00:00', 1_000)
    // 50 kWh in a second.
    expect(await event('Updated', '08:00:01', 51_000)).toEqual({})
    expect(await event('Ended', '08:00:02', 51_000)).toEqual({ totalCost: 0.5 })
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data.review).toEqual(['register-implausible-power'])
  })

  it('and without energy where its station told no registers', async () => {
    await site.apply('tariffs', { default: TARIFF, byStation: {} })
    const sampledValue = [{ value: 7_000, measurand: 'Power.Active.Import' }]
    const none = { meterValue: [{ timestamp: '2026-11-23T08:00:00Z', sampledValue }] }
    await event('Started', '08:00:00', 0, none)
    // 10 min: 0.20, with 20 % VAT; 0.50 once.
    expect(await event('Ended', '08:10:00', 0, none)).toEqual({ totalCost: 0.74 })
  })

  it('nothing, in a number, for who was turned away and took nothing', async () => {
    await site.apply('tokens', { tokens: [{ idToken: 'NO', type: 'RFID', status: 'Blocked' }] })
    await site.apply('tariffs', { default: TARIFF, byStation: {} })
    await event('Started', '08:00:00', 1_000, {}, 'NO')
    expect(await event('Ended', '08:01:00', 1_000)).toEqual({ totalCost: 0 })
  })

  describe('where the station leaves out how the session began', () => {
    const begin = { evse: { id: 1, connectorId: 1 }, triggerReason: 'CablePluggedIn' }
    const idToken = { idToken: 'TAG-1', type: 'ISO14443' }
    const reading = (time: string, value: number, context: string) => ({
      meterValue: [{ timestamp: `2026-11-23T${time}Z`, sampledValue: [{ value, context }] }],
    })
    const none = { meterValue: undefined } as unknown as JsonObject

    it('a transaction whose first event is no start costs what was told of it', async () => {
      await site.apply('tariffs', { default: TARIFF, byStation: {} })
      const plugged = { ...begin, ...reading('08:00:00', 1_000, 'Transaction.Begin') }
      // Nobody has taken anything yet.
      expect(await event('Updated', '08:00:00', 1_000, plugged)).toEqual({ totalCost: 0 })
      await station.call('Authorize', { idToken })
      const authorized = { triggerReason: 'Authorized', idToken, ...none }
      expect(await event('Updated', '08:01:00', 0, authorized)).toMatchObject({
        idTokenInfo: { status: 'Accepted' },
      })
      // 2 × 0.35; 10 min: 0.20; with 20 % VAT; 0.50.
      expect(await event('Updated', '08:10:00', 2_500)).toMatchObject({ totalCost: 1.58 })
      // 5 × 0.35; 25 min: 0.50.
      expect(await event('Ended', '08:22:00', 6_000)).toEqual({ totalCost: 3.2 })
    })

    it('without a register of the start at what has flowed since the first one', async () => {
      await site.apply('tariffs', { default: TARIFF, byStation: {} })
      await event('Started', '08:00:00', 0, none)
      // Nothing was told of its energy yet.
      expect(await event('Updated', '08:05:00', 0, none)).toEqual({})
      expect(await event('Updated', '08:10:00', 2_500)).toEqual({ totalCost: 0.74 })
      expect(await event('Updated', '08:15:00', 3_500)).toEqual({ totalCost: 1.28 })
      expect(await event('Ended', '08:20:00', 4_500)).toEqual({ totalCost: 1.82 })
    })

    it('not where all that came is an end, nor where its start turns out to be older than its tariff', async () => {
      await site.apply('tariffs', { default: TARIFF, byStation: {} })
      expect(await event('Ended', '08:00:00', 6_000, { ...begin, idToken })).not.toHaveProperty('totalCost')
      const transactionInfo = { transactionId: 'tx-2' }
      const first = { ...begin, idToken, transactionInfo }
      await event('Updated', '08:30:00', 2_500, first)
      expect(await event('Updated', '08:35:00', 3_500, { transactionInfo })).toHaveProperty('totalCost')
      await event('Started', '08:10:00', 1_000, { ...first, offline: true })
      expect(await event('Updated', '08:40:00', 4_500, { transactionInfo })).toEqual({})
    })
  })
})
