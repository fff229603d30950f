/** The API alone drives stations of two versions: typed commands awaited, reports put together, a station that is away waited for. */
import type { CommandResource } from '@switchyard/protocol/api/commands.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from './process.ts'
import { boot, type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

let system: System
let old: Connected
let new_: Connected
beforeAll(async () => {
  system = await startSystem({ broker: 'embedded' })
  old = await connect(system.ocppUrl, 'CS-16', '1.6')
  new_ = await connect(system.ocppUrl, 'CS-201', '2.0.1')
  for (const it of [old, new_]) await boot(it)
  for (const id of ['CS-16', 'CS-201'])
    await eventually(`${id} to be shown as connected`, async () => {
      const station = await system.api.get<{ connected: boolean }>(`/api/v1/stations/${id}`)
      return station.connected
    })
}, 120_000)
afterAll(async () => {
  for (const it of [old, new_]) await it?.client.close()
  await system?.stop()
}, 60_000)

const answer = (to: Connected, action: string, reply: (payload: JsonObject) => object) =>
  to.client.handle(action, ((request: { params: JsonObject }) => reply(request.params)) as never)
const command = (stationId: string, kind: string, args: object, ttlMs?: number) =>
  system.api.post<CommandResource>(`/api/v1/stations/${stationId}/commands?wait=true`, {
    ...{ kind, args },
    ...(ttlMs === undefined ? {} : { ttlMs }),
  })

test('one command is each version its own calls, and its outcome has the reply', async () => {
  const heard: JsonObject[] = []
  answer(old, 'ChangeConfiguration', (payload) => {
    heard.push(payload)
    return { status: 'RebootRequired' }
  })
  answer(new_, 'SetVariables', ({ setVariableData }) => ({
    setVariableResult: (setVariableData as JsonObject[]).map(({ component, variable }) => ({
      ...{ component, variable, attributeStatus: 'Rejected' },
    })),
  }))
  const setting = (name: string) => ({ settings: [{ name, value: '77' }] })
  expect(await command('CS-16', 'SetSettings', setting('HeartbeatInterval'))).toMatchObject({
    status: 'accepted',
    reply: { status: 'RebootRequired' },
  })
  expect(heard).toContainEqual({ key: 'HeartbeatInterval', value: '77' })
  expect(await command('CS-201', 'SetSettings', setting('OCPPCommCtrlr.HeartbeatInterval'))).toMatchObject({
    status: 'rejected',
    reply: { setVariableResult: [{ attributeStatus: 'Rejected' }] },
  })
})

test('a report is the reply', async () => {
  answer(new_, 'GetBaseReport', ({ requestId }) => {
    for (const seqNo of [0, 1])
      void new_.client.call('NotifyReport', {
        ...{ requestId, seqNo, tbc: seqNo === 0, generatedAt: new Date().toISOString() },
        reportData: [
          {
            component: { name: 'EVSE' },
            variable: { name: `V${seqNo}` },
            variableAttribute: [{ value: '1' }],
          },
        ],
      })
    return { status: 'Accepted' }
  })
  const { status, reply } = await command('CS-201', 'GetBaseReport', { reportBase: 'FullInventory' })
  expect(status).toBe('accepted')
  expect(reply).toMatchObject({
    complete: true,
    report: [{ variable: { name: 'V0' } }, { variable: { name: 'V1' } }],
  })
})

test('what 1.6 cannot do is refused before it is sent', async () => {
  await expect(command('CS-16', 'GetBaseReport', { reportBase: 'FullInventory' })).rejects.toThrow(
    /422.*OCPP 1\.6 has no GetBaseReport/s,
  )
})

test('a station that is away gets its command when it is back', async () => {
  await old.client.close()
  await eventually('the station to be away', async () => {
    const station = await system.api.get<{ connected: boolean }>('/api/v1/stations/CS-16')
    return !station.connected
  })
  const outcome = command('CS-16', 'ChangeAvailability', { operationalStatus: 'Inoperative' })
  await new Promise((resolve) => setTimeout(resolve, 500))
  old = await connect(system.ocppUrl, 'CS-16', '1.6')
  answer(old, 'ChangeAvailability', () => ({ status: 'Scheduled' }))
  await boot(old)
  expect(await outcome).toMatchObject({ status: 'accepted', reply: { status: 'Scheduled' } })
  const gone = command('NOBODY', 'Reset', {})
  await expect(gone).rejects.toThrow(/404/)
})
