import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect, connectRaw } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(protocol: 'ocpp1.6' | 'ocpp2.0.1', config: TestControllerOptions['config'] = {}) {
  site = await TestController.start({ config })
  station = await connect(site.url, 'CP1', protocol)
  const boot =
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'V', chargePointModel: 'M' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }
  await station.call('BootNotification', boot)
}

const execute = (kind: string, args: JsonObject, stationId = 'CP1') =>
  site.controller.execute(
    { id: 'c1', stationId, kind, args, issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-23T13:00:00Z' },
    30_000,
  )

describe('commands to a 1.6 station', () => {
  it('a remote start that the station refuses vouches for nobody, but takes nothing back from one before it', async () => {
    await open('ocpp1.6', { offlinePolicy: 'refuse' })
    let status = 'Rejected'
    station.handle('RemoteStartTransaction', () => ({ status }))
    const idToken = { value: 'TAG-9', type: 'Central' }
    const authorized = async () => (await station.call('Authorize', { idTag: 'TAG-9' })).idTagInfo
    expect(await execute('RemoteStart', { idToken })).toMatchObject({ status: 'rejected' })
    expect(await authorized()).toEqual({ status: 'Invalid' })
    for (status of ['Accepted', 'Rejected']) await execute('RemoteStart', { idToken })
    expect(await authorized()).toEqual({ status: 'Accepted' })
  })

  it('firmware that shall not disturb a session is sent when none runs', async () => {
    await open('ocpp1.6')
    const heard: JsonObject[] = []
    station.handle('UpdateFirmware', (payload) => {
      heard.push(payload)
      return {}
    })
    const args = { location: 'http://files.example/image', retrieveAt: '2026-11-23T12:00:00Z' }
    const { transactionId } = await station.call('StartTransaction', {
      connectorId: 1,
      idTag: 'TAG-9',
      meterStart: 0,
      timestamp: '2026-11-23T12:00:00Z',
    })
    const spared = await execute('UpdateFirmware', { ...args, whileCharging: false })
    expect(spared).toMatchObject({ status: 'failed', error: { code: 'Charging' } })
    expect(heard).toEqual([])
    expect((await execute('UpdateFirmware', args)).status).toBe('accepted')
    const timestamp = '2026-11-23T12:10:00Z'
    await station.call('StopTransaction', { transactionId, meterStop: 10, timestamp })
    expect((await execute('UpdateFirmware', { ...args, whileCharging: false })).status).toBe('accepted')
    expect(heard).toHaveLength(2)
    expect(heard[1]).toEqual({ location: args.location, retrieveDate: args.retrieveAt })
  })

  it('start, stop and reset in the words of 1.6', async () => {
    await open('ocpp1.6', { offlinePolicy: 'refuse' })
    const heard: JsonObject[] = []
    for (const action of ['RemoteStartTransaction', 'RemoteStopTransaction', 'Reset'])
      station.handle(action, (payload) => {
        heard.push({ action, ...payload })
        return { status: 'Accepted' }
      })
    const idToken = { value: 'TAG-9', type: 'Central' }
    expect(await execute('RemoteStart', { idToken, evseId: 1 })).toEqual({
      status: 'accepted',
      reply: { status: 'Accepted' },
    })
    // The remote start vouches for a token that stands in no document.
    const { transactionId, idTagInfo } = await station.call('StartTransaction', {
      connectorId: 1,
      idTag: 'TAG-9',
      meterStart: 0,
      timestamp: '2026-11-23T12:00:00Z',
    })
    expect(idTagInfo).toEqual({ status: 'Accepted' })
    const { sessionId } = (await site.factsOf('session.started'))[0]!
    expect(await execute('RemoteStop', { sessionId: sessionId! })).toMatchObject({ status: 'accepted' })
    expect(await execute('Reset', { type: 'Hard' })).toMatchObject({ status: 'accepted' })
    expect(heard).toEqual([
      { action: 'RemoteStartTransaction', idTag: 'TAG-9', connectorId: 1 },
      { action: 'RemoteStopTransaction', transactionId },
      { action: 'Reset', type: 'Hard' },
    ])
  })

  it('a refusal is a rejection, an error of the station a failure with its code', async () => {
    await open('ocpp1.6')
    station.handle('Reset', () => ({ status: 'Rejected' }))
    expect(await execute('Reset', {})).toEqual({ status: 'rejected', reply: { status: 'Rejected' } })
    expect(await execute('ocpp.call', { action: 'ClearCache', payload: {} })).toMatchObject({
      status: 'failed',
      error: { code: 'NotImplemented' },
    })
  })

  it('a raw call returns the reply, and is checked before anything is sent', async () => {
    await open('ocpp1.6')
    station.handle('GetConfiguration', () => ({ unknownKey: ['A'] }))
    expect(await execute('ocpp.call', { action: 'GetConfiguration', payload: { key: ['A'] } })).toEqual({
      status: 'accepted',
      reply: { unknownKey: ['A'] },
    })
    expect(await execute('ocpp.call', { action: 'Reset', payload: { type: 'Gently' } })).toMatchObject({
      status: 'failed',
      error: { code: 'InvalidArguments', description: expect.stringContaining('args.payload.type') },
    })
    expect(await execute('ocpp.call', { action: 'SetVariables', payload: {} })).toMatchObject({
      error: { code: 'NotInVersion' },
    })
  })

  it('what cannot be carried out says why', async () => {
    await open('ocpp1.6')
    expect(await execute('Reset', {}, 'NOBODY')).toMatchObject({ error: { code: 'UnknownStation' } })
    expect(await execute('Fly', {})).toMatchObject({ error: { code: 'UnknownKind' } })
    expect(await execute('RemoteStart', {})).toMatchObject({ error: { code: 'InvalidArguments' } })
    expect(await execute('RemoteStop', { sessionId: 'none' })).toMatchObject({
      error: { code: 'UnknownSession', description: expect.stringContaining('args.sessionId') },
    })
  })

  it('without an answer the outcome is unknown', async () => {
    await open('ocpp1.6')
    let answer: ((reply: object) => void) | undefined
    station.handle(
      'Reset',
      () =>
        new Promise<object>((resolve) => {
          answer = resolve
        }),
    )
    const outcome = execute('Reset', {})
    await site.until(() => answer)
    site.clock.advance(30_000)
    expect(await outcome).toMatchObject({ status: 'unknown', error: { code: 'NoAnswer' } })
    // The late answer is no answer to anything.
    answer?.({ status: 'Accepted' })
    expect(await station.call('Heartbeat', {})).toHaveProperty('currentTime')
  })

  it('a raw profile does not go round load control, and the refusal is told', async () => {
    await open('ocpp1.6', { siteLimitMa: 32_000 })
    station.handle('SetChargingProfile', () => ({ status: 'Accepted' }))
    const chargingSchedule = {
      chargingRateUnit: 'A',
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 80 }],
    }
    const profile = {
      chargingProfileId: 1,
      stackLevel: 9,
      chargingProfilePurpose: 'TxDefaultProfile',
      chargingProfileKind: 'Relative',
      chargingSchedule,
    }
    const payload = { connectorId: 1, csChargingProfiles: profile }
    expect(await execute('ocpp.call', { action: 'SetChargingProfile', payload })).toMatchObject({
      status: 'failed',
      error: { code: 'LoadManagement' },
    })
    const told = await site.until(async () => (await site.factsOf('load.limit-refused'))[0])
    expect(told.data).toMatchObject({ evseId: 1, wantedMa: 80_000 })
  })
})

describe('commands to a 2.0.1 station', () => {
  it('start, stop and reset in the words of 2.0.1', async () => {
    await open('ocpp2.0.1')
    const heard: JsonObject[] = []
    for (const action of ['RequestStartTransaction', 'RequestStopTransaction', 'Reset'])
      station.handle(action, (payload) => {
        heard.push({ action, ...payload })
        return { status: 'Accepted' }
      })
    const idToken = { value: 'TAG-9', type: 'RFID' }
    expect(await execute('RemoteStart', { idToken, evseId: 2 })).toMatchObject({ status: 'accepted' })
    const remoteStartId = heard[0]!.remoteStartId!
    await station.call('TransactionEvent', {
      eventType: 'Started',
      timestamp: '2026-11-23T12:00:00Z',
      triggerReason: 'RemoteStart',
      seqNo: 0,
      transactionInfo: { transactionId: 'tx', remoteStartId },
      evse: { id: 2, connectorId: 1 },
      idToken: { idToken: 'TAG-9', type: 'ISO14443' },
    })
    const started = (await site.factsOf('session.started'))[0]!
    expect(started.data.remoteStartId).toBe(remoteStartId)
    await execute('RemoteStop', { sessionId: started.sessionId! })
    await execute('Reset', { type: 'Soft' })
    expect(heard).toEqual([
      {
        action: 'RequestStartTransaction',
        idToken: { idToken: 'TAG-9', type: 'ISO14443' },
        evseId: 2,
        remoteStartId,
      },
      { action: 'RequestStopTransaction', transactionId: 'tx' },
      { action: 'Reset', type: 'OnIdle' },
    ])
  })
})

describe('the metering baseline', () => {
  it('of 1.6 is set after the boot and read back; what was not taken is told', async () => {
    const values = new Map<string, string>()
    site = await TestController.start({ config: { baseline: true } })
    station = await connect(site.url, 'CP1')
    station.handle('ChangeConfiguration', ({ key, value }) => {
      // This one knows neither voltage nor state of charge, pings by itself, and ignores what it accepts once.
      if (key === 'MeterValuesSampledData' && String(value).includes('SoC')) return { status: 'Rejected' }
      if (key === 'WebSocketPingInterval') return { status: 'NotSupported' }
      values.set(String(key), key === 'ClockAlignedDataInterval' ? '0' : String(value))
      return { status: 'Accepted' }
    })
    station.handle('GetConfiguration', ({ key }) => ({
      configurationKey: (key as string[]).map((k) => ({ key: k, readonly: false, value: values.get(k) })),
    }))
    await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
    const { data } = await site.until(async () => (await site.factsOf('station.settings'))[0])
    expect(data.applied).toContainEqual({ name: 'MeterValueSampleInterval', value: '60' })
    expect(data.applied).toContainEqual({
      name: 'MeterValuesSampledData',
      value: 'Energy.Active.Import.Register,Power.Active.Import,Current.Import',
    })
    expect(data.deviations).toEqual([
      {
        name: 'ClockAlignedDataInterval',
        wanted: '900',
        found: '0',
        reason: 'accepted, but reads otherwise',
      },
      { name: 'WebSocketPingInterval', wanted: '0', reason: 'NotSupported' },
    ])
  })

  it('of 2.0.1 likewise, and a station that refuses everything charges all the same', async () => {
    site = await TestController.start({ config: { baseline: true } })
    station = await connect(site.url, 'CP1', 'ocpp2.0.1')
    station.handle('SetVariables', ({ setVariableData }) => ({
      setVariableResult: (setVariableData as JsonObject[]).map(({ component, variable }) => ({
        component,
        variable,
        attributeStatus: 'UnknownVariable',
      })),
    }))
    await station.call('BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'V', model: 'M' },
    })
    const { data } = await site.until(async () => (await site.factsOf('station.settings'))[0])
    expect(data.applied).toEqual([])
    expect(data.deviations).toContainEqual({
      name: 'SampledDataCtrlr.TxUpdatedInterval',
      wanted: '60',
      reason: 'UnknownVariable',
    })
    expect(await station.call('Heartbeat', {})).toHaveProperty('currentTime')
  })

  it.each([
    ['ocpp1.6', { chargePointVendor: 'V', chargePointModel: 'M' }],
    ['ocpp2.0.1', { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }],
  ])('outlives whatever an %s station answers', async (protocol, boot) => {
    const shapes = [
      null,
      7,
      'x',
      [],
      [null],
      {},
      { status: 7 },
      { status: 'Accepted', configurationKey: [null, 7, {}] },
    ]
    const result = { attributeStatus: 'Accepted', attributeValue: 7 }
    const answers = [
      ...shapes,
      { status: 'Accepted', setVariableResult: [result], getVariableResult: [result] },
    ]
    for (const answer of answers) {
      site = await TestController.start({ config: { baseline: true, siteLimitMa: 32_000 } })
      const { ws } = await connectRaw(site.url, 'CP1', [protocol])
      ws.on('message', (data) => {
        const [type, id] = JSON.parse(data.toString()) as unknown[]
        if (type === 2) ws.send(JSON.stringify([3, id, answer]))
      })
      ws.send(JSON.stringify([2, 'b', 'BootNotification', boot]))
      const { data } = await site.until(async () => (await site.factsOf('station.settings'))[0])
      expect(data.applied).toEqual([])
      const result = await execute('Reset', { type: 'Soft' })
      const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer)
      expect(isObject ? ['accepted', 'rejected'] : ['failed']).toContain(result.status)
      ws.terminate()
      await site.stop()
    }
    site = await TestController.start()
    station = await connect(site.url, 'CP1')
  })

  it('is left alone on a station whose document says so', async () => {
    site = await TestController.start({ config: { baseline: true } })
    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, baseline: false }] })
    station = await connect(site.url, 'CP1')
    let asked = false
    station.handle('ChangeConfiguration', () => {
      asked = true
      return { status: 'Accepted' }
    })
    await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
    await station.call('Heartbeat', {})
    expect(asked).toBe(false)
  })
})
