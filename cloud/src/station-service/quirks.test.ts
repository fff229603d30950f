import { QUIRK_NAMES } from '@switchyard/protocol/site/quirks.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
  const boot = (stationId: string, vendor: string, model: string) => ({
    kind: 'station.booted' as const,
    stationId,
    data: { ocpp: '2.0.1' as const, vendor, model, status: 'Accepted' as const },
  })
  await it.platform.appendFacts(SITE, [
    boot('CS-1', 'Iocharger', 'IOCAW12-22TE-CRW4'),
    boot('CS-2', 'Acme', 'One'),
    boot('CS-3', 'Acme', 'One'),
  ])
  await it.platform.settle(it.service)
})
afterEach(async () => {
  await it?.stop()
})

/** A document as published last. */
async function document(name: string) {
  await it.platform.relay()
  const bodies = (await it.platform.entries('document.published'))
    .map((entry) => JSON.parse(entry.text).data)
    .filter((data) => data.name === name)
  return bodies.length === 0 ? undefined : JSON.parse(bodies.at(-1).body)
}
const shown = async (stationId: string) => (await it.ask('GET', `/v1/stations/${stationId}`)).body.quirks

test('a station shows what its model is known for with the report, any other nothing', async () => {
  const { body } = await it.ask('GET', '/v1/stations')
  expect(body.items.map((s: { quirks: unknown }) => s.quirks)).toEqual([
    [
      {
        name: 'zero-start-placeholder',
        description: expect.stringContaining('held for review'),
        source: 'known',
        reference: 'https://github.com/citrineos/citrineos-core/issues/1060',
      },
    ],
    [],
    [],
  ])
})

test('an operator says of one station that it has a quirk, or has not one that is known, and its site is told', async () => {
  const said = { assignedQuirks: { 'zero-start-placeholder': false, 'whole-amps': true } }
  const { status, body } = await it.ask('PATCH', '/v1/stations/CS-1', said)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    ...said,
    quirks: [{ name: 'whole-amps', source: 'station', reference: null }],
  })
  expect((await document('stations')).stations).toEqual([
    { stationId: 'CS-1', approved: true, quirks: said.assignedQuirks },
  ])
  expect(await shown('CS-2')).toEqual([])
  const back = await it.ask('PATCH', '/v1/stations/CS-1', { assignedQuirks: null })
  expect(back.body).toMatchObject({ assignedQuirks: {}, quirks: [{ name: 'zero-start-placeholder' }] })
  expect((await document('stations')).stations).toEqual([])
})

test('of all of a model too, whose stations show it; the word on a station goes first, and settings stay beside', async () => {
  const of = { vendor: 'Acme', model: 'One' }
  const desired = [{ name: 'LightIntensity', value: '40' }]
  const assignedQuirks = { 'no-pong': true, 'local-times': true }
  const put = await it.ask('PUT', '/v1/settings-profiles', { ...of, desired, assignedQuirks })
  expect(put).toMatchObject({ status: 200, body: { ...of, desired, assignedQuirks } })
  expect(await document('models')).toEqual({ models: [{ ...of, settings: desired, quirks: assignedQuirks }] })
  await it.ask('PATCH', '/v1/stations/CS-3', { assignedQuirks: { 'no-pong': false } })
  const names = async (id: string) =>
    (await shown(id)).map(({ name, source }: { name: string; source: string }) => [name, source])
  expect(await names('CS-1')).toEqual([['zero-start-placeholder', 'known']])
  expect(await names('CS-2')).toEqual([
    ['local-times', 'model'],
    ['no-pong', 'model'],
  ])
  expect(await names('CS-3')).toEqual([['local-times', 'model']])
  // Without settings the profile stays for its quirks, and goes with the last of them.
  await it.ask('PUT', '/v1/settings-profiles', { ...of, desired: [], assignedQuirks })
  expect((await it.ask('GET', '/v1/settings-profiles')).body.items).toMatchObject([
    { ...of, desired: [], assignedQuirks },
  ])
  await it.ask('PUT', '/v1/settings-profiles', { ...of, desired: [] })
  expect((await it.ask('GET', '/v1/settings-profiles')).body.items).toEqual([])
  expect(await document('models')).toEqual({ models: [] })
})

test('a quirk that there is not is refused, with its place', async () => {
  const refused = await it.ask('PATCH', '/v1/stations/CS-1', { assignedQuirks: { 'half-amps': true } })
  expect(refused.status).toBe(422)
  expect(JSON.stringify(refused.body.errors)).toContain('assignedQuirks')
})

test('all quirks are listed, with who is known for each', async () => {
  const { status, body } = await it.ask('GET', '/v1/quirks')
  expect(status).toBe(200)
  expect(body.items.map((quirk: { name: string }) => quirk.name)).toEqual(QUIRK_NAMES)
  expect(body.items[0].known).toEqual([
    {
      vendor: 'Iocharger',
      model: 'IOCAW12*',
      firmware: null,
      reference: 'https://github.com/citrineos/citrineos-core/issues/1060',
    },
  ])
})
