/** What stations shall be set to, from the API down to their sockets and back: a 1.6 station by its keys, a 2.0.1 station by its variables. */
import type { StationSettings } from '@switchyard/protocol/api/settings.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from './process.ts'
import { boot, type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

let system: System
const stations: Connected[] = []
beforeAll(async () => {
  system = await startSystem({ broker: 'embedded' })
}, 120_000)
afterAll(async () => {
  for (const { client } of stations) await client.close()
  await system?.stop()
}, 60_000)

const want = (path: string, body: object) => system.api.request('PUT', `/api/v1/${path}`, body)
const shown = (id: string) => system.api.get<StationSettings>(`/api/v1/stations/${id}/settings`)
/** The settings that operators want, once all of them are compared. */
const compared = (id: string) =>
  eventually(`the settings of ${id}`, async () => {
    const { settings } = await shown(id)
    const wanted = settings.filter(({ source }) => source !== 'baseline')
    return wanted.length > 0 && wanted.every(({ status }) => status !== 'pending') ? wanted : undefined
  })

test('a wish of a station, a wish of its model, a reboot that is required, and what the station reports', async () => {
  const keys = new Map([
    ['LightIntensity', '100'],
    ['AuthorizationKey', 'SECRET'],
  ])
  const station = await connect(system.ocppUrl, 'CP-16', '1.6')
  stations.push(station)
  station.client.handle('GetConfiguration', ({ params }) => {
    const asked = (params.key as string[] | undefined) ?? [...keys.keys()]
    const known = asked.filter((key) => keys.has(key))
    return { configurationKey: known.map((key) => ({ key, readonly: false, value: keys.get(key) })) }
  })
  station.client.handle('ChangeConfiguration', ({ params: { key, value } }) => {
    if (key === 'Colour') return { status: 'NotSupported' }
    keys.set(String(key), String(value))
    return { status: key === 'Profile' ? 'RebootRequired' : 'Accepted' }
  })
  const model = { vendor: 'Independent', model: 'RPC-1' }
  await want('settings-profiles', {
    ...model,
    desired: [
      { name: 'Profile', value: 'fast' },
      { name: 'Colour', value: 'red' },
    ],
  })
  await boot(station)
  await eventually('the station', () => shown('CP-16').catch(() => undefined))
  await want('stations/CP-16/settings', { desired: [{ name: 'LightIntensity', value: '40' }] })
  expect(await compared('CP-16')).toMatchObject([
    { name: 'LightIntensity', source: 'station', status: 'applied', actual: '40' },
    { name: 'Profile', source: 'model', status: 'applied', actual: 'fast' },
    { name: 'Colour', source: 'model', status: 'drift', reason: 'NotSupported' },
  ])
  expect(keys.get('LightIntensity')).toBe('40')
  expect((await shown('CP-16')).rebootRequired).toBe(true)
  await boot(station)
  await eventually('the reboot', async () => !(await shown('CP-16')).rebootRequired)
  const { items } = await eventually('the report', async () => {
    const page = await system.api.get<{ items: { name: string; value: string | null }[] }>(
      '/api/v1/stations/CP-16/settings/reported',
    )
    return page.items.some(({ name, value }) => name === 'LightIntensity' && value === '40')
      ? page
      : undefined
  })
  expect(items).toContainEqual(expect.objectContaining({ name: 'AuthorizationKey', value: null }))
})

test('variables of a 2.0.1 station', async () => {
  const values = new Map<unknown, unknown>()
  const station = await connect(system.ocppUrl, 'CP-201', '2.0.1')
  stations.push(station)
  type Data = { component: { name: string }; variable: { name: string }; attributeValue?: string }
  const nameOf = ({ component, variable }: Data) => `${component.name}.${variable.name}`
  station.client.handle('GetVariables', ({ params }) => ({
    getVariableResult: (params.getVariableData as unknown as Data[]).map((it) => ({
      ...it,
      ...(values.has(nameOf(it))
        ? { attributeStatus: 'Accepted', attributeValue: values.get(nameOf(it)) }
        : { attributeStatus: 'UnknownVariable' }),
    })),
  }))
  station.client.handle('SetVariables', ({ params }) => ({
    setVariableResult: (params.setVariableData as unknown as Data[]).map(({ attributeValue, ...it }) => {
      values.set(nameOf(it as Data), attributeValue)
      return { ...it, attributeStatus: 'Accepted' }
    }),
  }))
  await boot(station)
  await eventually('the station', () => shown('CP-201').catch(() => undefined))
  await want('stations/CP-201/settings', { desired: [{ name: 'TxCtrlr.EVConnectionTimeOut', value: '90' }] })
  expect(await compared('CP-201')).toMatchObject([{ status: 'applied', actual: '90' }])
  expect(values.get('TxCtrlr.EVConnectionTimeOut')).toBe('90')
  // The baseline went the same way.
  const { settings } = await shown('CP-201')
  expect(settings).toContainEqual(
    expect.objectContaining({ name: 'TxCtrlr.StopTxOnInvalidId', source: 'baseline', status: 'applied' }),
  )
})
