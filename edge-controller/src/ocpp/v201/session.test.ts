import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'Example Power', model: 'EP-22G2' } }
const TOKEN = { idToken: 'TAG-1', type: 'ISO14443' }

function register(timestamp: string, wh: number, context = 'Sample.Periodic') {
  return [{ timestamp, sampledValue: [{ value: wh, context, measurand: 'Energy.Active.Import.Register' }] }]
}

describe('a 2.0.1 session over a real socket, with a charging station that is not ours', () => {
  let site: TestController
  let station: ChargePoint

  beforeEach(async () => {
    site = await TestController.start()
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Accepted' }] })
    station = await connect(site.url, 'CS1', 'ocpp2.0.1')
    await station.call('BootNotification', BOOT)
  })
  afterEach(async () => {
    await station.close()
    await site.stop()
  })

  const event = (eventType: string, timestamp: string, seqNo: number, more: JsonObject = {}) =>
    station.call('TransactionEvent', {
      eventType,
      timestamp,
      triggerReason: 'Trigger',
      seqNo,
      transactionInfo: { transactionId: 'tx-1' },
      ...more,
    })

  it('is exact to the watt-hour when it comes out of an offline queue after the boot', async () => {
    const started = await event('Started', '2026-11-23T08:00:00Z', 0, {
      offline: true,
      evse: { id: 1, connectorId: 1 },
      idToken: TOKEN,
      meterValue: register('2026-11-23T08:00:00Z', 500_000, 'Transaction.Begin'),
    })
    expect(started).toEqual({ idTokenInfo: { status: 'Accepted' } })
    await event('Ended', '2026-11-23T10:00:00Z', 1, {
      offline: true,
      meterValue: register('2026-11-23T10:00:00Z', 520_000, 'Transaction.End'),
    })
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({
      evseId: 1,
      connectorId: 1,
      durationMs: 7_200_000,
      energyMilliWh: 20_000_000,
      startedAt: '2026-11-23T08:00:00.000Z',
      idToken: { value: 'TAG-1', type: 'ISO14443' },
      transactionId: 'tx-1',
      review: [],
    })
  })

  it('learns who and where after its start, and takes each event once though seqNo repeats', async () => {
    await event('Started', '2026-11-23T12:00:00Z', 0)
    const updated = {
      evse: { id: 2, connectorId: 1 },
      idToken: TOKEN,
      meterValue: register('2026-11-23T12:00:10Z', 100, 'Transaction.Begin'),
    }
    await event('Updated', '2026-11-23T12:00:10Z', 0, updated)
    await event('Updated', '2026-11-23T12:00:10Z', 0, updated)
    site.clock.advance(600_000)
    await event('Updated', '2026-11-23T12:05:00Z', 0, {
      transactionInfo: { transactionId: 'tx-1', chargingState: 'Charging' },
      meterValue: register('2026-11-23T12:05:00Z', 1_100),
    })
    expect(site.controller.live()[0]?.connectors).toMatchObject([
      { evseId: 2, session: { energyMilliWh: 1_000_000, idToken: 'TAG-1', chargingState: 'Charging' } },
    ])
    await event('Ended', '2026-11-23T12:10:00Z', 0, {
      meterValue: register('2026-11-23T12:10:00Z', 2_100, 'Transaction.End'),
    })
    expect(await site.factsOf('session.started')).toHaveLength(1)
    expect(await site.factsOf('session.updated')).toHaveLength(2)
    expect((await site.factsOf('session.ended'))[0]?.data).toMatchObject({
      evseId: 2,
      energyMilliWh: 2_000_000,
      startRegisterMilliWh: 100_000,
      idToken: { value: 'TAG-1' },
      authorization: 'Accepted',
      review: [],
    })
  })

  it('whose start was lost is held for review, and set right when the start comes late', async () => {
    await event('Updated', '2026-11-23T11:50:00Z', 3, {
      evse: { id: 1 },
      meterValue: register('2026-11-23T11:50:00Z', 5_000),
    })
    await event('Started', '2026-11-23T11:30:00Z', 0, {
      offline: true,
      evse: { id: 1 },
      idToken: TOKEN,
      meterValue: register('2026-11-23T11:30:00Z', 1_000, 'Transaction.Begin'),
    })
    await event('Ended', '2026-11-23T12:00:00Z', 4, {
      meterValue: register('2026-11-23T12:00:00Z', 7_000, 'Transaction.End'),
    })
    expect((await site.factsOf('session.ended'))[0]?.data).toMatchObject({
      startedAt: '2026-11-23T11:30:00.000Z',
      energyMilliWh: 6_000_000,
      review: [],
    })
    await event('Updated', '2026-11-23T11:50:00Z', 1, {
      transactionInfo: { transactionId: 'tx-2' },
      evse: { id: 2 },
      idToken: TOKEN,
    })
    await event('Ended', '2026-11-23T12:00:00Z', 2, { transactionInfo: { transactionId: 'tx-2' } })
    expect((await site.factsOf('session.ended'))[1]?.data.review).toEqual([
      'unknown-start',
      'register-missing',
    ])
  })

  it('gets its readings from MeterValues too, and a batch without a register leaves its energy', async () => {
    await event('Started', '2026-11-23T12:00:00Z', 0, {
      evse: { id: 1 },
      idToken: TOKEN,
      meterValue: register('2026-11-23T12:00:00Z', 1_000, 'Transaction.Begin'),
    })
    site.clock.advance(120_000)
    await station.call('MeterValues', { evseId: 1, meterValue: register('2026-11-23T12:01:00Z', 1_200) })
    await station.call('MeterValues', {
      evseId: 1,
      meterValue: [
        {
          timestamp: '2026-11-23T12:02:00Z',
          sampledValue: [
            { value: 11, measurand: 'Power.Active.Import', unitOfMeasure: { unit: 'W', multiplier: 3 } },
          ],
        },
      ],
    })
    expect(site.controller.live()[0]?.connectors[0]?.session).toMatchObject({
      energyMilliWh: 200_000,
      powerW: 11_000,
    })
  })

  it('keeps reports, events and security events', async () => {
    const entry = (name: string) => ({
      component: { name },
      variable: { name: 'V' },
      variableAttribute: [{ value: 'x'.repeat(1_000) }],
    })
    await station.call('NotifyReport', {
      requestId: 7,
      generatedAt: '2026-11-23T12:00:00Z',
      seqNo: 0,
      reportData: Array.from({ length: 100 }, (_, i) => entry(`C${i}`)),
    })
    const reports = await site.factsOf('station.report')
    expect(reports.length).toBeGreaterThan(1)
    expect(reports.flatMap((r) => r.data.entries)).toHaveLength(100)
    expect(reports.map((r) => r.data.more)).toEqual([...reports.slice(1).map(() => true), false])
    const huge = { requestId: 7, generatedAt: '2026-11-23T12:00:00Z', seqNo: 1e300, reportData: [entry('C')] }
    await expect(station.call('NotifyReport', huge)).rejects.toThrow('31 bits')
    await station.call('SecurityEventNotification', {
      type: 'SettingSystemTime',
      timestamp: '2026-11-23T12:00:00Z',
    })
    expect(await site.factsOf('station.security-event')).toHaveLength(1)
    expect(await station.call('DataTransfer', { vendorId: 'v', data: { a: 1 } })).toEqual({
      status: 'UnknownVendorId',
    })
  })
})
