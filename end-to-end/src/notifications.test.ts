/** A 2.1 station through the whole system: what it notifies of is shown and alerted, monitors that are wanted reach it, and a dynamic profile is pulled. */
import type { StationMonitors } from '@switchyard/protocol/api/monitors.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from './process.ts'
import { type System, startSystem } from './system.ts'

let system: System
let socket: WebSocket
const waiting = new Map<string, (frame: unknown[]) => void>()
const handlers = new Map<string, (payload: JsonObject) => object>()

beforeAll(async () => {
  system = await startSystem({ broker: 'embedded' })
  socket = new WebSocket(`${system.ocppUrl}/CP-21`, ['ocpp2.1'])
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.on('message', (text) => {
    const [type, id, action, payload] = JSON.parse(String(text))
    const answer = handlers.get(action)
    if (type !== 2) waiting.get(id)?.(JSON.parse(String(text)))
    else if (answer) socket.send(JSON.stringify([3, id, answer(payload)]))
    else socket.send(JSON.stringify([4, id, 'NotImplemented', '', {}]))
  })
  await call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'Independent', model: 'RPC-3' },
  })
}, 120_000)
afterAll(async () => {
  socket?.close()
  await system?.stop()
}, 60_000)

/** What the site answers, held against the schemas of 2.1. */
async function call(action: string, payload: object): Promise<JsonObject> {
  const checks = (await loadValidators('2.1')).find(action)!
  expect(checks.request(payload), action).toEqual([])
  const id = `m${waiting.size}`
  const answered = new Promise<unknown[]>((resolve) => waiting.set(id, resolve))
  socket.send(JSON.stringify([2, id, action, payload]))
  const [type, , answer] = await answered
  expect([type, checks.response!(answer)], JSON.stringify(answer)).toEqual([3, []])
  return answer as JsonObject
}
const at = () => new Date().toISOString()
type Items = { items: JsonObject[] }
const listed = (path: string, fits: (item: JsonObject) => boolean) =>
  eventually(path, async () => {
    const page = await system.api.get<Items>(`/api/v1/${path}`).catch(() => undefined)
    return page?.items.find(fits)
  })

test('a battery swap, a payment and an alarm of the grid, with its alert until it is over', async () => {
  const idToken = { idToken: 'SWAPPER', type: 'ISO14443' }
  const swap = (eventType: string, serialNumber: string) =>
    call('BatterySwap', {
      ...{ eventType, idToken, requestId: 5 },
      batteryData: [{ evseId: 1, serialNumber, soC: 80, soH: 99 }],
    })
  await swap('BatteryIn', 'B-EMPTY')
  await swap('BatteryOut', 'B-FULL')
  const swapped = await listed('stations/CP-21/battery-swaps', ({ event }) => event === 'BatteryOut')
  expect(swapped).toMatchObject({
    idToken: { value: 'SWAPPER' },
    batteriesIn: [{ serialNumber: 'B-EMPTY' }],
    batteriesOut: [{ serialNumber: 'B-FULL' }],
  })
  await call('NotifySettlement', {
    ...{ pspRef: 'psp-1', status: 'Settled', settlementAmount: 12.35, settlementTime: at() },
  })
  expect(await listed('stations/CP-21/payments', () => true)).toMatchObject({ amount: '12.35' })
  const alarm = { controlType: 'LVMustTrip', gridEventFault: 'UnderVoltage' }
  await call('NotifyDERAlarm', { ...alarm, timestamp: at() })
  const isAlarm = ({ rule }: JsonObject) => rule === 'der-alarm'
  expect(await listed('alerts?open=true', isAlarm)).toMatchObject({
    stationId: 'CP-21',
    runbook: 'docs/runbooks/grid-alarm.md',
  })
  await call('NotifyDERAlarm', { ...alarm, timestamp: at(), alarmEnded: true })
  await listed('alerts?open=false', isAlarm)
  expect(await listed('stations/CP-21/der-alarms', ({ endedAt }) => endedAt !== null)).toMatchObject({
    fault: 'UnderVoltage',
  })
})

test('a monitor that is wanted reaches the station, and what came of it the API', async () => {
  handlers.set('GetMonitoringReport', () => ({ status: 'EmptyResultSet' }))
  handlers.set('SetVariableMonitoring', ({ setMonitoringData }) => ({
    setMonitoringResult: (setMonitoringData as JsonObject[]).map(
      ({ value: _, transaction: __, ...data }) => ({
        ...data,
        ...{ status: 'Accepted', id: 31 },
      }),
    ),
  }))
  const desired = [{ name: 'EVSE.Temperature', evseId: 1, type: 'UpperThreshold', value: 70, severity: 4 }]
  await eventually('the station', () => system.api.get('/api/v1/stations/CP-21').catch(() => undefined))
  await system.api.request('PUT', '/api/v1/stations/CP-21/monitors', { desired })
  const shown = await eventually('the monitor', async () => {
    const { monitors } = await system.api.get<StationMonitors>('/api/v1/stations/CP-21/monitors')
    return monitors.find(({ status }) => status === 'applied')
  })
  expect(shown).toMatchObject({ desired: 70, actual: 70, monitorId: 31, source: 'station' })
})

test('a dynamic profile that was set over the API is pulled as it was told last', async () => {
  for (const action of ['SetChargingProfile', 'UpdateDynamicSchedule'])
    handlers.set(action, () => ({ status: 'Accepted' }))
  const command = (kind: string, args: object) =>
    system.api.post('/api/v1/stations/CP-21/commands?wait=true', { kind, args })
  await command('SetChargingProfile', {
    evseId: 0,
    chargingProfile: {
      ...{ id: 7, stackLevel: 1, chargingProfilePurpose: 'ChargingStationMaxProfile' },
      ...{ chargingProfileKind: 'Dynamic', dynUpdateInterval: 60 },
      chargingSchedule: [
        { id: 1, chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 32 }] },
      ],
    },
  })
  await command('UpdateDynamicSchedule', { chargingProfileId: 7, scheduleUpdate: { limit: 20 } })
  expect(await call('PullDynamicScheduleUpdate', { chargingProfileId: 7 })).toEqual({
    status: 'Accepted',
    scheduleUpdate: { limit: 20 },
  })
})
