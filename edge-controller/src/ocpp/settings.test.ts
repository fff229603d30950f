import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

const BOOT_16 = { chargePointVendor: 'Acme', chargePointModel: 'One' }
const BOOT_2 = { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'One' } }
const settled = (n: number) =>
  site.until(async () => (await site.factsOf('station.settings'))[n - 1]).then(({ data }) => data)
const wish = (...settings: { name: string; value: string; evseId?: number }[]) =>
  site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, settings }] })

/** A 1.6 station over its keys; what it was told to change is written down. */
function keep16(values: Map<string, string>, answers: Record<string, string> = {}) {
  const written: string[] = []
  station.handle('GetConfiguration', ({ key }) => {
    const names = (key as string[] | undefined) ?? [...values.keys()]
    const known = names.filter((name) => values.has(name))
    return {
      configurationKey: known.map((name) => ({ key: name, readonly: false, value: values.get(name) })),
      unknownKey: names.filter((name) => !values.has(name)),
    }
  })
  station.handle('ChangeConfiguration', ({ key, value }) => {
    written.push(`${key}=${value}`)
    const status = answers[String(key)] ?? 'Accepted'
    if (status === 'Accepted') values.set(String(key), String(value))
    return { status }
  })
  return written
}

async function open16(values: Map<string, string>, answers: Record<string, string> = {}) {
  station = await connect(site.url, 'CP1')
  return keep16(values, answers)
}

it('sets only what differs after a boot, reads it back, and tells what the station would not take', async () => {
  site = await TestController.start()
  await wish(
    { name: 'LightIntensity', value: '40' },
    { name: 'HeartbeatInterval', value: '300' },
    { name: 'AuthorizeRemoteTxRequests', value: 'true' },
    { name: 'Colour', value: 'red' },
    { name: 'K'.repeat(51), value: '1' },
    { name: 'Text', value: 'x'.repeat(501) },
  )
  const written = await open16(
    new Map([
      ['LightIntensity', '100'],
      ['HeartbeatInterval', '300'],
      ['AuthorizeRemoteTxRequests', 'false'],
      ['AuthorizationKey', 'SECRET'],
    ]),
    { AuthorizeRemoteTxRequests: 'RebootRequired', Colour: 'NotSupported' },
  )
  await station.call('BootNotification', BOOT_16)
  expect(await settled(1)).toEqual({
    applied: [
      { name: 'LightIntensity', value: '40', source: 'station' },
      { name: 'HeartbeatInterval', value: '300', source: 'station' },
    ],
    deviations: [
      {
        name: 'AuthorizeRemoteTxRequests',
        wanted: 'true',
        found: 'false',
        source: 'station',
        rebootRequired: true,
        reason: 'RebootRequired',
      },
      { name: 'Colour', wanted: 'red', source: 'station', reason: 'NotSupported' },
      expect.objectContaining({ reason: 'in OCPP 1.6 a key has at most 50 characters' }),
      expect.objectContaining({ name: 'Text', reason: 'in OCPP 1.6 a value has at most 500 characters' }),
    ],
  })
  expect(written).toEqual(['LightIntensity=40', 'AuthorizeRemoteTxRequests=true', 'Colour=red'])
  const [read] = await site.until(async () => {
    const facts = await site.factsOf('station.settings-read')
    return facts.length > 0 && facts
  })
  // All keys are told but what is a secret.
  expect(read!.data.settings).toContainEqual({ name: 'LightIntensity', value: '40', readonly: false })
  expect(read!.data.settings).toContainEqual({ name: 'AuthorizationKey', readonly: false })
})

it('a wish of the station goes before one of its model, and both before the baseline', async () => {
  site = await TestController.start({ config: { baseline: true } })
  await wish({ name: 'MeterValueSampleInterval', value: '10' })
  await site.apply('models', {
    models: [
      {
        vendor: 'Acme',
        model: 'One',
        settings: [
          { name: 'MeterValueSampleInterval', value: '30' },
          { name: 'ClockAlignedDataInterval', value: '60' },
        ],
      },
      { vendor: 'Acme', model: 'Two', settings: [{ name: 'LightIntensity', value: '1' }] },
    ],
  })
  const values = new Map<string, string>()
  await open16(values)
  await station.call('BootNotification', BOOT_16)
  const { applied } = await settled(1)
  expect(applied).toContainEqual({ name: 'MeterValueSampleInterval', value: '10', source: 'station' })
  expect(applied).toContainEqual({ name: 'ClockAlignedDataInterval', value: '60', source: 'model' })
  expect(applied).toContainEqual({ name: 'StopTransactionOnInvalidId', value: 'true' })
  expect(values.has('LightIntensity')).toBe(false)
})

it('a change holds at once, also on one that was away and comes back without a boot', async () => {
  site = await TestController.start()
  const values = new Map<string, string>()
  const written = await open16(values)
  await station.call('BootNotification', BOOT_16)
  await wish({ name: 'LightIntensity', value: '40' })
  await settled(1)
  await station.close()
  await wish({ name: 'LightIntensity', value: '50' })
  const later = await open16(values)
  await station.call('Heartbeat', {})
  expect(await settled(2)).toMatchObject({ applied: [{ value: '50' }] })
  // What holds already is not written again when the controller starts anew.
  await station.close()
  await site.restart()
  const again = await open16(values)
  await station.call('Heartbeat', {})
  await settled(3)
  expect([written, later, again]).toEqual([['LightIntensity=40'], ['LightIntensity=50'], []])
})

it('a station of which nothing is wanted is not called', async () => {
  site = await TestController.start()
  const written = await open16(new Map([['LightIntensity', '1']]))
  let read = 0
  station.handle('GetConfiguration', () => {
    read += 1
    return {}
  })
  await station.call('BootNotification', BOOT_16)
  await station.call('Heartbeat', {})
  expect([read, written]).toEqual([0, []])
  expect(await site.factsOf('station.settings')).toEqual([])
})

it('a wish that would go round load management is not sent', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  await wish({ name: 'ChargeProfileMaxStackLevel', value: '0' }, { name: 'LightIntensity', value: '40' })
  const written = await open16(new Map())
  await station.call('BootNotification', BOOT_16)
  const { deviations } = await settled(1)
  expect(deviations).toMatchObject([
    { name: 'ChargeProfileMaxStackLevel', reason: expect.stringContaining('belong to load control') },
  ])
  expect(written).toEqual(['LightIntensity=40'])
})

it('variables of 2.x, by component, EVSE and instance', async () => {
  site = await TestController.start()
  await wish(
    { name: 'EVSE.AllowReset', evseId: 2, value: 'true' },
    { name: 'TxCtrlr.TxStartPoint', value: 'Authorized,EVConnected' },
    { name: 'Display[front].Colour[idle]', value: 'red' },
    { name: 'LightIntensity', value: '1' },
  )
  station = await connect(site.url, 'CP1', 'ocpp2.0.1')
  const values = new Map<string, string>([['TxCtrlr.TxStartPoint', 'EVConnected,Authorized']])
  const key = ({ component, variable }: JsonObject) => {
    const parts = [component, variable].map((part) => {
      const { name, instance, evse } = part as { name: string; instance?: string; evse?: { id: number } }
      return `${name}${instance === undefined ? '' : `[${instance}]`}${evse ? `@${evse.id}` : ''}`
    })
    return parts.join('.')
  }
  station.handle('GetVariables', ({ getVariableData }) => ({
    getVariableResult: (getVariableData as JsonObject[]).map((it) => ({
      ...it,
      attributeStatus: values.has(key(it)) ? 'Accepted' : 'UnknownVariable',
      ...(values.has(key(it)) ? { attributeValue: values.get(key(it)) } : {}),
    })),
  }))
  station.handle('SetVariables', ({ setVariableData }) => ({
    setVariableResult: (setVariableData as JsonObject[]).map(({ attributeValue, ...it }) => {
      values.set(key(it), String(attributeValue))
      return { ...it, attributeStatus: 'Accepted' }
    }),
  }))
  await station.call('BootNotification', BOOT_2)
  expect(await settled(1)).toEqual({
    applied: [
      { name: 'EVSE.AllowReset', evseId: 2, value: 'true', source: 'station' },
      { name: 'TxCtrlr.TxStartPoint', value: 'Authorized,EVConnected', source: 'station' },
      { name: 'Display[front].Colour[idle]', value: 'red', source: 'station' },
    ],
    deviations: [
      {
        name: 'LightIntensity',
        wanted: '1',
        source: 'station',
        reason: 'in OCPP 2.x a setting is named Component.Variable',
      },
    ],
  })
  expect(values.get('EVSE@2.AllowReset')).toBe('true')
})

it('a password among the settings that a station tells is in no fact and no outcome', async () => {
  site = await TestController.start()
  await open16(
    new Map([
      ['AuthorizationKey', 'HUNTER2'],
      ['LightIntensity', '1'],
    ]),
  )
  await station.call('BootNotification', BOOT_16)
  const read = { id: 'c1', stationId: 'CP1', kind: 'GetSettings', args: {} }
  const at = { issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-23T13:00:00Z' }
  const result = await site.controller.execute({ ...read, ...at }, 30_000)
  expect(JSON.stringify(result)).toContain('LightIntensity')
  expect(JSON.stringify(result)).not.toContain('HUNTER2')
  await station.close()
  station = await connect(site.url, 'CP1', 'ocpp2.0.1')
  await station.call('BootNotification', BOOT_2)
  await station.call('NotifyReport', {
    requestId: 1,
    seqNo: 0,
    generatedAt: '2026-11-23T12:00:00Z',
    reportData: [
      {
        component: { name: 'SecurityCtrlr' },
        variable: { name: 'BasicAuthPassword' },
        variableAttribute: [{ value: 'HUNTER2', mutability: 'WriteOnly' }],
      },
    ],
  })
  expect(await site.factsOf('station.report')).toHaveLength(1)
  expect(JSON.stringify(await site.facts())).not.toContain('HUNTER2')
})

it('a wish of its model, and the baseline of its site, hold at once; one that has not booted is not called for them', async () => {
  site = await TestController.start({ config: { baseline: true } })
  await site.apply('site', { baseline: false })
  const values = new Map<string, string>()
  const written = await open16(values)
  let called = 0
  station.handle('TriggerMessage', () => {
    called += 1
    return { status: 'Accepted' }
  })
  const settings = [{ name: 'LightIntensity', value: '40' }]
  const models = { models: [{ vendor: 'Acme', model: 'One', settings }] }
  await site.apply('models', models)
  await site.apply('site', { baseline: false, timeZone: 'Europe/Berlin' })
  await station.call('BootNotification', BOOT_16)
  await settled(1)
  expect([called, written]).toEqual([0, ['LightIntensity=40']])
  await site.apply('models', {
    models: [{ ...models.models[0]!, settings: [{ name: 'Colour', value: 'red' }] }],
  })
  expect(await settled(2)).toMatchObject({ applied: [{ name: 'Colour' }] })
  await site.apply('site', { baseline: true })
  const { applied } = await settled(3)
  expect(applied.map(({ name }) => name)).toContain('MeterValueSampleInterval')
})
