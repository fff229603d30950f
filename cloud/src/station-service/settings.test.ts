import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestPlatform } from '../platform/testing.ts'
import { MAX_REPORTED_MONITORS } from './project-monitors.ts'
import { MAX_REPORTED_SETTINGS } from './project-settings.ts'
import { booted, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
let platform: TestPlatform
beforeEach(async () => {
  it = await startStationService()
  platform = it.platform
  await it.createSite()
})
afterEach(async () => {
  await it?.stop()
})

/** A document as published last. */
async function document(name: string, siteId = SITE) {
  await platform.relay()
  const entries = await platform.entries('document.published')
  const bodies = entries
    .filter((entry) => entry.siteId === siteId)
    .map((entry) => JSON.parse(entry.text).data)
    .filter((data) => data.name === name)
  return bodies.length === 0 ? undefined : JSON.parse(bodies.at(-1).body)
}
const tell = async (...facts: FactDraft[]) => {
  await platform.appendFacts(SITE, facts)
  await platform.settle(it.service)
}
const settled = (data: Extract<FactDraft, { kind: 'station.settings' }>['data']): FactDraft => ({
  kind: 'station.settings',
  stationId: 'CS-1',
  data,
})
const SETTINGS = '/v1/stations/CS-1/settings'
const shown = async () => (await it.ask('GET', SETTINGS)).body

test('what is wanted goes down to the site, and what came of it is shown until it is wanted otherwise', async () => {
  await tell(...booted)
  const desired = [
    { name: 'LightIntensity', value: '40' },
    { name: 'Colour', value: 'red' },
  ]
  const put = await it.ask('PUT', SETTINGS, { desired })
  expect(put).toMatchObject({ status: 200, body: { desired, comparedAt: null, rebootRequired: false } })
  expect(put.body.settings.map((s: { status: string }) => s.status)).toEqual(['pending', 'pending'])
  expect((await document('stations')).stations).toEqual([
    { stationId: 'CS-1', approved: true, settings: desired },
  ])
  await tell(
    settled({
      applied: [
        { name: 'LightIntensity', value: '40', source: 'station' },
        { name: 'MeterValueSampleInterval', value: '60' },
      ],
      deviations: [{ name: 'Colour', wanted: 'red', found: 'blue', source: 'station', reason: 'Rejected' }],
    }),
  )
  const place = { evseId: null, connectorId: null, attributeType: 'Actual' }
  expect((await shown()).settings).toEqual([
    {
      name: 'LightIntensity',
      ...place,
      source: 'station',
      desired: '40',
      actual: '40',
      status: 'applied',
      reason: null,
    },
    {
      name: 'Colour',
      ...place,
      source: 'station',
      desired: 'red',
      actual: 'blue',
      status: 'drift',
      reason: 'Rejected',
    },
    {
      name: 'MeterValueSampleInterval',
      ...place,
      source: 'baseline',
      desired: '60',
      actual: '60',
      status: 'applied',
      reason: null,
    },
  ])
  // Another value is no drift before the station was asked.
  await it.ask('PUT', SETTINGS, { desired: [{ name: 'Colour', value: 'green' }] })
  expect((await shown()).settings).toMatchObject([
    { name: 'Colour', desired: 'green', actual: null, status: 'pending' },
    { name: 'MeterValueSampleInterval', source: 'baseline' },
  ])
  await it.ask('PUT', SETTINGS, { desired: [] })
  expect((await document('stations')).stations).toEqual([])
})

test('a reboot that is required is remembered until the station boots, whoever had set it', async () => {
  await tell(...booted)
  const asks = settled({ applied: [{ name: 'A', value: '1', rebootRequired: true }], deviations: [] })
  await tell(asks)
  expect((await shown()).rebootRequired).toBe(true)
  await tell(settled({ applied: [{ name: 'A', value: '1' }], deviations: [] }))
  expect((await shown()).rebootRequired).toBe(true)
  await tell(booted[1]!)
  expect((await shown()).rebootRequired).toBe(false)
  const outcome = (reply: object): FactDraft => ({
    kind: 'command.outcome',
    stationId: 'CS-1',
    data: { commandId: 'c', status: 'accepted', reply: reply as never },
  })
  await tell(outcome({ status: 'Accepted' }))
  expect((await shown()).rebootRequired).toBe(false)
  await tell(outcome({ calls: [{ action: 'ChangeConfiguration', reply: { status: 'RebootRequired' } }] }))
  expect((await shown()).rebootRequired).toBe(true)
  await tell(booted[1]!, outcome({ setVariableResult: [{ attributeStatus: 'RebootRequired' }] }), booted[1]!)
  expect((await shown()).rebootRequired).toBe(false)
})

test('what is wanted of a model goes to every site, also one that comes later; the station goes before it', async () => {
  await tell(...booted)
  const model = { vendor: 'Acme\uFFFD', model: 'One' }
  const row = (await it.ask('GET', '/v1/stations/CS-1')).body
  expect(row.model).toBe('One')
  const of = { ...model, vendor: row.vendor }
  const desired = [
    { name: 'Colour', value: 'red' },
    { name: 'LightIntensity', value: '40' },
  ]
  expect((await it.ask('PUT', '/v1/settings-profiles', { ...of, desired })).status).toBe(200)
  expect(await document('models')).toEqual({ models: [{ ...of, settings: desired }] })
  await it.ask('POST', '/v1/sites', { siteId: 'site-b' })
  expect(await document('models', 'site-b')).toEqual({ models: [{ ...of, settings: desired }] })
  await it.ask('PUT', SETTINGS, { desired: [{ name: 'colour', value: 'blue' }] })
  expect(await shown()).toMatchObject({
    desiredOfModel: desired,
    settings: [
      { name: 'colour', source: 'station', desired: 'blue' },
      { name: 'LightIntensity', source: 'model', desired: '40' },
    ],
  })
  expect((await it.ask('GET', '/v1/settings-profiles')).body.items).toMatchObject([{ ...of, desired }])
  await it.ask('PUT', '/v1/settings-profiles', { ...of, desired: [] })
  expect(await document('models')).toEqual({ models: [] })
  expect((await it.ask('GET', '/v1/settings-profiles')).body.items).toEqual([])
})

test('what no site could heed is refused: secrets, one setting twice, too much', async () => {
  await tell(...booted)
  const put = (desired: object[]) => it.ask('PUT', SETTINGS, { desired })
  const secret = await put([{ name: 'SecurityCtrlr.BasicAuthPassword', value: 'x' }])
  expect(secret).toMatchObject({ status: 422, body: { errors: [{ path: 'desired.0.name' }] } })
  expect((await put([{ name: 'AuthorizationKey', value: 'x' }])).status).toBe(422)
  const twice = [
    { name: 'A', value: '1' },
    { name: 'a', value: '2' },
  ]
  expect((await put(twice)).status).toBe(422)
  expect(
    (
      await put([
        { name: 'A.B', evseId: 1, value: '1' },
        { name: 'A.B', evseId: 2, value: '2' },
      ])
    ).status,
  ).toBe(200)
  expect(
    (await put(Array.from({ length: 9 }, (_, i) => ({ name: `K${i}`, value: 'x'.repeat(2_500) })))).status,
  ).toBe(422)
  expect((await put([{ name: 'A', value: '1', colour: 'red' }])).status).toBe(422)
  expect((await it.ask('PUT', '/v1/stations/NONE/settings', { desired: [] })).status).toBe(404)
})

test('what a station reports is kept, filtered and paged, without secrets; a removal forgets it', async () => {
  await tell(...booted, {
    kind: 'station.settings-read',
    stationId: 'CS-1',
    data: {
      settings: [
        { name: 'LightIntensity', value: '40', readonly: false },
        { name: 'NumberOfConnectors', value: '2', readonly: true },
        { name: 'AuthorizationKey', value: 'SECRET', readonly: false },
      ],
    },
  })
  const entry = (evse: number, value: string) => ({
    component: { name: 'EVSE', evse: { id: evse } },
    variable: { name: 'Power' },
    variableAttribute: [
      { type: 'Actual', value, mutability: 'ReadOnly' },
      { type: 'MaxSet', value: '22000' },
    ],
  })
  const report = (entries: object[]): FactDraft => ({
    kind: 'station.report',
    stationId: 'CS-1',
    data: { requestId: 1, seqNo: 0, more: false, entries: entries as never },
  })
  await tell(
    report([entry(1, '1'), entry(2, '2'), { component: 7 }, { variableAttribute: [null] }]),
    report([entry(1, '3')]),
  )
  await tell({
    kind: 'command.outcome',
    stationId: 'CS-1',
    data: {
      commandId: 'c',
      status: 'accepted',
      reply: { configurationKey: [{ key: 'LightIntensity', value: '50', readonly: false }, null] },
    },
  })
  const all = (await it.ask('GET', `${SETTINGS}/reported`)).body.items
  expect(all).toHaveLength(7)
  expect(all).toContainEqual(
    expect.objectContaining({ name: 'LightIntensity', value: '50', mutability: 'ReadWrite' }),
  )
  expect(all).toContainEqual(expect.objectContaining({ name: 'AuthorizationKey', value: null }))
  expect(all).toContainEqual(expect.objectContaining({ name: 'EVSE.Power', evseId: 1, value: '3' }))
  const some = await it.ask('GET', `${SETTINGS}/reported?name=power&limit=3`)
  expect(
    some.body.items.map((r: { evseId: number; attributeType: string }) => [r.evseId, r.attributeType]),
  ).toEqual([
    [1, 'Actual'],
    [1, 'MaxSet'],
    [2, 'Actual'],
  ])
  const rest = await it.ask('GET', `${SETTINGS}/reported?name=power&limit=3&cursor=${some.body.next}`)
  expect(rest.body).toMatchObject({ items: [{ evseId: 2, attributeType: 'MaxSet' }], next: null })
  await it.ask('DELETE', '/v1/stations/CS-1')
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  expect((await it.ask('GET', `${SETTINGS}/reported`)).body.items).toEqual([])
})

test('no station fills the table: what it reports is bounded, and what is known is kept up to date', async () => {
  await tell(...booted)
  const keys = (from: number, to: number, value: string): FactDraft => ({
    kind: 'station.settings-read',
    stationId: 'CS-1',
    data: { settings: Array.from({ length: to - from }, (_, i) => ({ name: `K${from + i}`, value })) },
  })
  for (let at = 0; at < MAX_REPORTED_SETTINGS; at += 500) await tell(keys(at, at + 500, 'a'))
  await tell(keys(MAX_REPORTED_SETTINGS - 1, MAX_REPORTED_SETTINGS + 1, 'b'))
  const rows = await platform.sql<{ name: string; value: string }[]>`
    select name, value from station.reported_setting where station_id = 'CS-1'`
  expect(rows).toHaveLength(MAX_REPORTED_SETTINGS)
  expect(rows.find((r) => r.name === `K${MAX_REPORTED_SETTINGS - 1}`)?.value).toBe('b')
})

test('baseline and failsafe are switched for a site and for a station, and what stations are told of costs for a site', async () => {
  await tell(...booted)
  const site = await it.ask('PATCH', `/v1/sites/${SITE}`, { baseline: false, failsafe: false })
  expect(site.body).toMatchObject({ baseline: false, failsafe: false })
  expect(await document('site')).toEqual({ timeZone: 'Europe/Berlin', baseline: false, failsafe: false })
  expect(await shown()).toMatchObject({ baseline: false, failsafe: false })
  await it.ask('PATCH', '/v1/stations/CS-1', { failsafe: true, baseline: true })
  expect((await document('stations')).stations).toMatchObject([{ failsafe: true, baseline: true }])
  expect(await shown()).toMatchObject({ baseline: true, failsafe: true })
  await it.ask('PATCH', '/v1/stations/CS-1', { failsafe: null, baseline: null })
  await it.ask('PATCH', `/v1/sites/${SITE}`, { failsafe: null, runningCost: true })
  expect(await document('site')).toEqual({ timeZone: 'Europe/Berlin', baseline: false, runningCost: true })
  expect((await it.ask('GET', `/v1/sites/${SITE}`)).body).toMatchObject({ runningCost: true })
  expect(await shown()).toMatchObject({ baseline: false, failsafe: null })
})

test('monitors are shown as reports tell them, and as they were set and cleared', async () => {
  await tell(...booted)
  const of = { component: { name: 'EVSE', evse: { id: 1 } }, variable: { name: 'Power' } }
  const outcome = (reply: object): FactDraft => ({
    kind: 'command.outcome',
    stationId: 'CS-1',
    data: { commandId: 'c', status: 'accepted', reply: reply as never },
  })
  const monitor = { id: 7, type: 'UpperThreshold', value: 11000.5, severity: 4, transaction: false }
  await tell(
    {
      kind: 'station.event',
      stationId: 'CS-1',
      data: {
        events: [
          {
            action: 'NotifyMonitoringReport',
            monitor: [{ ...of, variableMonitoring: [monitor, { id: 'x' }] }, null],
          },
          { action: 'Other', monitor: [{ ...of, variableMonitoring: [{ ...monitor, id: 99 }] }] },
        ],
      },
    },
    outcome({
      setMonitoringResult: [
        { ...of, id: 8, type: 'Delta', severity: 5, status: 'Accepted' },
        { ...of, type: 'Delta', severity: 5, status: 'Rejected' },
        { ...of, id: 9, type: 'Delta', severity: 5, status: 'Accepted' },
      ],
    }),
  )
  const list = async (query = '') => (await it.ask('GET', `${SETTINGS}/monitors${query}`)).body
  expect((await list()).items).toMatchObject([
    { monitorId: 7, name: 'EVSE.Power', evseId: 1, value: '11000.5', severity: 4, transaction: false },
    { monitorId: 8, type: 'Delta', value: null },
    { monitorId: 9 },
  ])
  const { next } = await list('?limit=2')
  expect((await list(`?limit=2&cursor=${next}`)).items).toMatchObject([{ monitorId: 9 }])
  const clear = [
    { id: 7, status: 'Accepted' },
    { id: 8, status: 'Rejected' },
    { id: 9, status: 'NotFound' },
  ]
  await tell(outcome({ clearMonitoringResult: clear }))
  expect((await list()).items).toMatchObject([{ monitorId: 8 }])
})

test('no station fills the table of monitors', async () => {
  await tell(...booted)
  const monitors = (from: number, n: number) =>
    Array.from({ length: n }, (_, i) => ({ id: from + i, type: 'Delta' }))
  const report = (variableMonitoring: object[]): FactDraft => ({
    kind: 'station.event',
    stationId: 'CS-1',
    data: {
      events: [
        {
          action: 'NotifyMonitoringReport',
          monitor: [{ component: { name: 'A' }, variable: { name: 'B' }, variableMonitoring }],
        } as never,
      ],
    },
  })
  for (let at = 0; at < MAX_REPORTED_MONITORS; at += 250) await tell(report(monitors(at, 250)))
  await tell(report(monitors(MAX_REPORTED_MONITORS - 1, 3)))
  const [row] = await platform.sql<{ n: number }[]>`select count(*)::int as n from station.reported_monitor`
  expect(row!.n).toBe(MAX_REPORTED_MONITORS)
})
