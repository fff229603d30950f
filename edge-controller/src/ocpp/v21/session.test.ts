import type { JsonObject } from '@switchyard/protocol/json.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectRaw, type RawSocket } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

const TOKEN = { idToken: 'TAG-1', type: 'ISO14443' }

function register(timestamp: string, wh: number, context: string) {
  return [{ timestamp, sampledValue: [{ value: wh, context, measurand: 'Energy.Active.Import.Register' }] }]
}

describe('a 2.1 station over a real socket', () => {
  let site: TestController
  let station: RawSocket
  let n = 0

  beforeEach(async () => {
    site = await TestController.start()
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Accepted' }] })
    station = await connectRaw(site.url, 'CS1', ['ocpp2.1', 'ocpp2.0.1'])
    await call('BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'Example Power', model: 'EP-21' },
    })
  })
  afterEach(async () => {
    station.close()
    await site.stop()
  })

  /** The payload of the answer, which must be what 2.1 asks for. */
  async function call(action: string, payload: object): Promise<JsonObject> {
    const id = `m${n++}`
    const checks = (await loadValidators('2.1')).find(action)!
    expect(checks.request(payload), action).toEqual([])
    station.send(JSON.stringify([2, id, action, payload]))
    let frame = await station.next()
    // Calls of the site's own are left unanswered.
    while (frame[0] === 2) frame = await station.next()
    expect(frame.slice(0, 2), JSON.stringify(frame)).toEqual([3, id])
    expect(checks.response!(frame[2]), action).toEqual([])
    return frame[2] as JsonObject
  }

  it('speaks its newest version, and its session is exact', async () => {
    expect(station.ws.protocol).toBe('ocpp2.1')
    const event = (eventType: string, timestamp: string, seqNo: number, more: object) =>
      call('TransactionEvent', {
        eventType,
        timestamp,
        triggerReason: eventType === 'Ended' ? 'CostLimitReached' : 'CablePluggedIn',
        seqNo,
        transactionInfo: { transactionId: 'tx-1' },
        ...more,
      })
    const started = await event('Started', '2026-11-23T10:00:00Z', 0, {
      evse: { id: 1, connectorId: 1 },
      idToken: TOKEN,
      meterValue: register('2026-11-23T10:00:00Z', 500_000, 'Transaction.Begin'),
    })
    expect(started).toEqual({ idTokenInfo: { status: 'Accepted' } })
    const end = {
      meterValue: register('2026-11-23T11:00:00Z', 511_000, 'Transaction.End'),
      costDetails: {
        totalCost: { currency: 'EUR', typeOfCost: 'NormalCost', total: { exclTax: 4.2 } },
        totalUsage: { energy: 11, chargingTime: 3600, idleTime: 0 },
      },
    }
    await event('Ended', '2026-11-23T11:00:00Z', 1, end)
    await event('Ended', '2026-11-23T11:00:00Z', 1, end)
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({ energyMilliWh: 11_000_000, durationMs: 3_600_000, review: [] })
    // What the station has computed is kept beside it, once.
    const at = '2026-11-23T11:00:00.000Z'
    const cost = { at, final: true, currency: 'EUR', exclTax: '4.2', details: end.costDetails }
    expect((await site.factsOf('session.station-cost')).map((it) => [it.sessionId, it.data])).toEqual([
      [ended?.sessionId, cost],
    ])
  })

  it('sends values of a stream as SEND: kept as telemetry, answered by nothing', async () => {
    expect(
      await call('OpenPeriodicEventStream', {
        constantStreamData: { id: 7, variableMonitoringId: 3, params: { interval: 10 } },
      }),
    ).toEqual({ status: 'Accepted' })
    const values = { id: 7, pending: 0, basetime: '2026-11-23T12:00:00Z', data: [{ t: 0.5, v: '230.1' }] }
    station.send(JSON.stringify([6, 's1', 'NotifyPeriodicEventStream', values]))
    // Neither what is wrong in a SEND, nor an answer that the station could not take, is answered.
    station.send(JSON.stringify([6, 's2', 'NotifyPeriodicEventStream', { id: 'x' }]))
    station.send(JSON.stringify([6, 's3', 'Heartbeat', {}]))
    station.send(JSON.stringify([5, 'm1', 'FormatViolation', 'status is missing', {}]))
    await call('ClosePeriodicEventStream', { id: 7 })
    const ofStream = (await site.facts('ledger')).filter((it) => it.kind.startsWith('station.stream'))
    expect(ofStream.map((it) => [it.kind, it.data])).toEqual([
      ['station.stream-opened', { streamId: 7, monitorId: 3, intervalS: 10 }],
      ['station.stream-closed', { streamId: 7 }],
    ])
    expect((await site.facts('telemetry')).map((it) => [it.kind, it.data])).toEqual([
      [
        'station.stream',
        { streamId: 7, pending: 0, from: '2026-11-23T12:00:00.000Z', values: [{ t: 0.5, v: '230.1' }] },
      ],
    ])
    expect(site.warnings.map((it) => it.message)).toContain('the station could not take an answer')
  })

  it('a message that nobody answers must not come as a call', async () => {
    station.send(
      '[2,"x","NotifyPeriodicEventStream",{"id":7,"pending":0,"basetime":"2026-11-23T12:00:00Z","data":[{"t":0,"v":"1"}]}]',
    )
    expect((await station.next()).slice(0, 4)).toEqual([
      4,
      'x',
      'ProtocolError',
      'NotifyPeriodicEventStream is a SEND',
    ])
  })

  it('has what it tells of energy, payment and batteries kept for what it is', async () => {
    const timestamp = '2026-11-23T12:00:00Z'
    const at = '2026-11-23T12:00:00.000Z'
    await call('TransactionEvent', {
      eventType: 'Started',
      timestamp,
      triggerReason: 'CablePluggedIn',
      seqNo: 0,
      transactionInfo: { transactionId: 'tx-1' },
      evse: { id: 1, connectorId: 1 },
      idToken: TOKEN,
    })
    const [started] = await site.factsOf('session.started')
    const batteryData = [{ evseId: 1, serialNumber: 'B1', soC: 80.5, soH: 99 }]
    const told: [string, object, object][] = [
      [
        'NotifyDERAlarm',
        { controlType: 'FreqDroop', timestamp, gridEventFault: 'OverVoltage', extraInfo: 'phase 2' },
        { controlType: 'FreqDroop', fault: 'OverVoltage', ended: false, at, info: 'phase 2' },
      ],
      [
        'NotifyDERStartStop',
        { controlId: 'c1', started: true, timestamp, supersededIds: ['c0'] },
        { controlId: 'c1', started: true, at, superseded: ['c0'] },
      ],
      [
        'ReportDERControl',
        {
          requestId: 4,
          gradient: [{ id: 'g', gradient: { priority: 1, gradient: 2, softGradient: 3 } }],
          limitMaxDischarge: [
            {
              id: 'l',
              isDefault: true,
              isSuperseded: false,
              limitMaxDischarge: { priority: 1, pctMaxDischargePower: 40 },
            },
          ],
        },
        {
          requestId: 4,
          more: false,
          controls: [
            {
              controlId: 'g',
              controlType: 'Gradients',
              settings: { priority: 1, gradient: 2, softGradient: 3 },
            },
            {
              ...{ controlId: 'l', controlType: 'LimitMaxDischarge', isDefault: true, isSuperseded: false },
              settings: { priority: 1, pctMaxDischargePower: 40 },
            },
          ],
        },
      ],
      [
        'NotifyPriorityCharging',
        { transactionId: 'tx-1', activated: true },
        { transactionId: 'tx-1', activated: true, by: 'station' },
      ],
      [
        'NotifySettlement',
        {
          pspRef: 'p1',
          status: 'Settled',
          settlementAmount: 12.5,
          settlementTime: timestamp,
          transactionId: 'tx-1',
        },
        { pspRef: 'p1', status: 'Settled', amount: '12.5', at, transactionId: 'tx-1' },
      ],
      [
        'BatterySwap',
        { batteryData, eventType: 'BatteryIn', idToken: TOKEN, requestId: 1 },
        {
          requestId: 1,
          event: 'BatteryIn',
          idToken: { value: 'TAG-1', type: 'ISO14443' },
          authorization: 'Accepted',
          batteries: [{ evseId: 1, serialNumber: 'B1', socPercent: 80.5, sohPercent: 99 }],
        },
      ],
    ]
    const from = (await site.facts('ledger')).length
    for (const [action, payload] of told) expect(await call(action, payload), action).toEqual({})
    const facts = (await site.facts('ledger')).slice(from)
    expect(facts.map((it) => it.data)).toEqual(told.map(([, , data]) => data))
    const ofSession = facts.filter((it) => it.sessionId === started?.sessionId)
    expect(ofSession.map((it) => it.kind)).toEqual(['session.priority', 'station.payment-settled'])
  })

  it('is told who swapped what, also by a token that may not', async () => {
    const swap = {
      batteryData: [{ evseId: 1, serialNumber: 'B1', soC: 80, soH: 99 }],
      eventType: 'BatteryOut',
    }
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Blocked' }] })
    const idToken = TOKEN
    await call('BatterySwap', { ...swap, idToken, requestId: 2 })
    const [fact] = await site.factsOf('station.battery-swap')
    expect(fact?.data).toMatchObject({ requestId: 2, event: 'BatteryOut', authorization: 'Blocked' })
    station.send(JSON.stringify([2, 'big', 'BatterySwap', { ...swap, idToken, requestId: 2 ** 31 }]))
    expect((await station.next()).slice(0, 4)).toEqual([
      4,
      'big',
      'PropertyConstraintViolation',
      '/requestId must be a whole number of 31 bits',
    ])
  })

  it('has a list that no fact would hold kept in several', async () => {
    const messageInfo = Array.from({ length: 200 }, (_, id) => ({
      id,
      priority: 'NormalCycle',
      message: { format: 'UTF8', content: 'x'.repeat(500) },
    }))
    expect(await call('NotifyDisplayMessages', { requestId: 4, messageInfo })).toEqual({})
    const events = (await site.factsOf('station.event')).flatMap((it) => it.data.events as JsonObject[])
    expect(events.length).toBeGreaterThan(3)
    expect(events.every((it) => it.action === 'NotifyDisplayMessages' && it.requestId === 4)).toBe(true)
    expect(events.flatMap((it) => it.messageInfo)).toEqual(messageInfo)
  })

  it('is told honestly what the site has no service for', async () => {
    const hash = {
      hashAlgorithm: 'SHA256',
      issuerNameHash: 'a',
      issuerKeyHash: 'b',
      serialNumber: '1',
    }
    expect(await call('VatNumberValidation', { vatNumber: 'NL1', evseId: 1 })).toMatchObject({
      status: 'Rejected',
      vatNumber: 'NL1',
      evseId: 1,
    })
    expect(await call('PullDynamicScheduleUpdate', { chargingProfileId: 4 })).toMatchObject({
      status: 'Rejected',
    })
    const chain = await call('GetCertificateChainStatus', {
      certificateStatusRequests: [
        { certificateHashData: hash, source: 'OCSP', urls: ['https://ocsp.example'] },
      ],
    })
    expect(chain).toMatchObject({ certificateStatus: [{ certificateHashData: hash, status: 'Failed' }] })
    const v2g = { csr: 'a request', certificateType: 'V2GCertificate' }
    expect(await call('SignCertificate', v2g)).toMatchObject({
      status: 'Rejected',
      statusInfo: { reasonCode: 'NotSignedNow' },
    })
    expect(
      await call('Get15118EVCertificate', {
        iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef',
        action: 'Install',
        exiRequest: 'AAAA',
      }),
    ).toMatchObject({ status: 'Failed', exiResponse: '' })
  })

  it('is not refused energy where its car tells its needs before the transaction has begun (K18.FR.04)', async () => {
    const needs = () =>
      call('NotifyEVChargingNeeds', { evseId: 1, chargingNeeds: { requestedEnergyTransfer: 'DC' } })
    expect(await needs()).toMatchObject({
      status: 'NoChargingProfile',
      statusInfo: { reasonCode: 'NoTransaction' },
    })
    await call('TransactionEvent', {
      ...{ eventType: 'Started', timestamp: '2026-11-23T12:00:00Z', triggerReason: 'ChargingStateChanged' },
      ...{ seqNo: 0, transactionInfo: { transactionId: 'tx-1' }, evse: { id: 1, connectorId: 1 } },
      idToken: TOKEN,
    })
    expect(await needs()).toEqual({ status: 'Accepted' })
  })
})
