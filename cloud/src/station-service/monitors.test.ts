import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { MAX_WANTED_MONITORS } from '@switchyard/protocol/site/monitor.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { booted, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
  await tell(...booted)
})
afterEach(async () => {
  await it?.stop()
})

const MONITORS = '/v1/stations/CS-1/monitors'
const tell = (...facts: FactDraft[]) => it.tell(...facts)
async function published(name: string) {
  await it.platform.relay()
  const bodies = (await it.platform.entries('document.published'))
    .map((entry) => JSON.parse(entry.text).data)
    .filter((data) => data.name === name)
  return JSON.parse(bodies.at(-1).body)
}
const hot = { name: 'EVSE.Temperature', evseId: 1, type: 'UpperThreshold' as const, value: 70, severity: 4 }
const power = { name: 'Grid.Power', type: 'Periodic' as const, value: 60, severity: 8 }

test('what is wanted goes down to the site, of a station and of its model, and what came of it is shown', async () => {
  const put = await it.ask('PUT', MONITORS, { desired: [hot] })
  expect(put).toMatchObject({ status: 200, body: { desired: [hot], desiredOfModel: [], comparedAt: null } })
  expect(put.body.monitors).toMatchObject([
    { name: hot.name, desired: 70, status: 'pending', monitorId: null },
  ])
  expect((await published('stations')).stations).toEqual([
    { stationId: 'CS-1', approved: true, monitors: [hot] },
  ])
  // The vendor as it stands after what no column holds was taken out.
  const profile = {
    vendor: 'Acme',
    model: 'One',
    desired: [],
    desiredMonitors: [{ ...hot, value: 50 }, power],
  }
  expect((await it.ask('PUT', '/v1/settings-profiles', profile)).body).toMatchObject(profile)
  expect((await published('models')).models).toMatchObject([{ monitors: profile.desiredMonitors }])
  await tell({
    kind: 'station.monitors',
    stationId: 'CS-1',
    data: {
      applied: [{ ...hot, source: 'station', monitorId: 3 }],
      deviations: [
        { ...power, source: 'model', found: 5, reason: 'Duplicate' },
        { ...power, name: 'Old.One', found: 60, reason: 'not cleared: Rejected' },
      ],
    },
  })
  const { body } = await it.ask('GET', MONITORS)
  expect(body).toMatchObject({ desired: [hot], desiredOfModel: profile.desiredMonitors })
  expect(body.comparedAt).not.toBeNull()
  const place = { evseId: null, connectorId: null }
  expect(body.monitors).toEqual([
    {
      ...{ name: hot.name, evseId: 1, connectorId: null, type: hot.type, severity: 4, source: 'station' },
      ...{ desired: 70, actual: 70, monitorId: 3, status: 'applied', reason: null },
    },
    {
      ...{ name: power.name, ...place, type: power.type, severity: 8, source: 'model' },
      ...{ desired: 60, actual: 5, monitorId: null, status: 'drift', reason: 'Duplicate' },
    },
    {
      ...{ name: 'Old.One', ...place, type: power.type, severity: 8, source: null },
      ...{ desired: null, actual: 60, monitorId: null, status: 'drift', reason: 'not cleared: Rejected' },
    },
  ])
  // Another value is no drift before the station was asked.
  const changed = await it.ask('PUT', MONITORS, { desired: [{ ...hot, value: 75 }] })
  expect(changed.body.monitors[0]).toMatchObject({ desired: 75, actual: null, status: 'pending' })
  await it.ask('PUT', MONITORS, { desired: [] })
  expect((await published('stations')).stations).toEqual([])
  // The monitors of a model alone keep its profile; without them it is gone.
  await it.ask('PUT', '/v1/settings-profiles', { vendor: 'Acme', model: 'One', desired: [] })
  expect((await it.ask('GET', '/v1/settings-profiles')).body.items).toEqual([])
})

test('a wish that cannot be one is refused, naming where', async () => {
  const errorsOf = async (desired: object[]) => (await it.ask('PUT', MONITORS, { desired })).body.errors
  expect(await errorsOf([hot, { ...hot, value: 1 }])).toMatchObject([{ path: 'desired.1' }])
  expect(await errorsOf([{ ...hot, severity: 10 }])).toMatchObject([{ path: 'desired.0.severity' }])
  expect(await errorsOf([{ ...hot, type: 'Sometimes' }])).toMatchObject([{ path: 'desired.0.type' }])
  const many = Array.from({ length: MAX_WANTED_MONITORS + 1 }, (_, n) => ({ ...hot, name: `A.B${n}` }))
  expect(await errorsOf(many)).toMatchObject([{ path: 'desired' }])
  expect((await it.ask('GET', '/v1/stations/nobody/monitors')).status).toBe(404)
})
