/** Commands that wait for their station, that are several calls, and that a report follows. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import type { CommandResult } from '../execute.ts'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'
import { MAX_REPORT_BYTES } from './reports.ts'
import { MAX_WAITING, SETTLE_MS } from './station-commands.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

const BOOT = {
  'ocpp1.6': { chargePointVendor: 'V', chargePointModel: 'M' },
  'ocpp2.0.1': { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
}
type Subprotocol = keyof typeof BOOT

async function open(protocol: Subprotocol, config: TestControllerOptions['config'] = {}) {
  site = await TestController.start({ config })
  await comeBack(protocol)
  await boot(protocol)
}
async function comeBack(protocol: Subprotocol): Promise<JsonObject[]> {
  station = await connect(site.url, 'CP1', protocol)
  const heard: JsonObject[] = []
  for (const action of ['Reset', 'ChangeConfiguration'])
    station.handle(action, (payload) => {
      heard.push(payload)
      return { status: 'Accepted' }
    })
  return heard
}
const boot = (protocol: Subprotocol) => station.call('BootNotification', BOOT[protocol])
async function goAway(): Promise<void> {
  await station.close()
  await site.until(() => !site.controller.live().find((it) => it.stationId === 'CP1')?.connected)
}

function execute(
  kind: string,
  args: object,
  remainingMs = 30_000,
  mayStillGo?: () => boolean,
): Promise<CommandResult> {
  const [issuedAt, expiresAt] = ['2026-11-23T12:00:00Z', '2026-11-23T13:00:00Z']
  const command = { id: 'c1', stationId: 'CP1', kind, args: args as JsonObject, issuedAt, expiresAt }
  return site.controller.execute(command, remainingMs, mayStillGo)
}
/** Gives a command to a station that is away, and lets it begin to wait. */
async function executeAway(remainingMs: number, mayStillGo?: () => boolean) {
  const result = execute('Reset', {}, remainingMs, mayStillGo)
  await new Promise((resolve) => setImmediate(resolve))
  return { result }
}

it('a command waits for its station, and goes out once it has booted', async () => {
  await open('ocpp1.6')
  await goAway()
  const { result } = await executeAway(30_000)
  const heard = await comeBack('ocpp1.6')
  // Connected, but it may boot first.
  expect(heard).toEqual([])
  await boot('ocpp1.6')
  expect(await result).toEqual({ status: 'accepted', reply: { status: 'Accepted' } })
  expect(heard).toEqual([{ type: 'Soft' }])
})

it('one that came back and was refused its first message has spoken, and is called', async () => {
  await open('ocpp1.6')
  await goAway()
  const { result } = await executeAway(30_000)
  const heard = await comeBack('ocpp1.6')
  const nowhere = { connectorId: 70_000, errorCode: 'NoError', status: 'Available' }
  const refused = { rpcErrorCode: 'PropertyConstraintViolation' }
  await expect(station.call('StatusNotification', nowhere)).rejects.toMatchObject(refused)
  expect(await result).toEqual({ status: 'accepted', reply: { status: 'Accepted' } })
  expect(heard).toEqual([{ type: 'Soft' }])
})

it('a station that says nothing after it came back is called all the same', async () => {
  await open('ocpp1.6')
  await goAway()
  const { result } = await executeAway(60_000)
  await comeBack('ocpp1.6')
  await site.until(() => site.controller.live().find((it) => it.stationId === 'CP1')?.connected)
  site.clock.advance(SETTLE_MS)
  expect((await result).status).toBe('accepted')
})

it('a command whose time is over while its station is away has expired, and is not sent when it comes', async () => {
  await open('ocpp1.6')
  await goAway()
  const { result } = await executeAway(30_000)
  site.clock.advance(30_000)
  expect(await result).toMatchObject({ status: 'expired', error: { code: 'StationOffline' } })
  const heard = await comeBack('ocpp1.6')
  await boot('ocpp1.6')
  await station.call('Heartbeat', {})
  expect(heard).toEqual([])
})

it('a command that was given up while it waited is not sent', async () => {
  await open('ocpp1.6')
  await goAway()
  const { result } = await executeAway(30_000, () => false)
  const heard = await comeBack('ocpp1.6')
  await boot('ocpp1.6')
  expect(await result).toMatchObject({ status: 'unknown', error: { code: 'Withdrawn' } })
  expect(heard).toEqual([])
})

it('only so many commands wait for a station', async () => {
  await open('ocpp1.6')
  await goAway()
  const waiting = Array.from({ length: MAX_WAITING }, () => execute('Reset', {}))
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(await execute('Reset', {})).toMatchObject({ error: { code: 'TooManyWaiting' } })
  site.clock.advance(30_000)
  expect(new Set((await Promise.all(waiting)).map((it) => it.status))).toEqual(new Set(['expired']))
})

it('a list goes in as many messages as an operator says that the station takes, whatever it tells itself', async () => {
  await open('ocpp2.0.1')
  const heard: number[] = []
  station.handle('GetVariables', ({ getVariableData }) => {
    const asked = getVariableData as { component: JsonObject; variable: JsonObject }[]
    heard.push(asked.length)
    return {
      getVariableResult: asked.map((it) => ({ ...it, attributeStatus: 'Accepted', attributeValue: '9' })),
    }
  })
  const names = ['DeviceDataCtrlr.ItemsPerMessage[GetVariables]', 'A.B', 'A.C', 'A.D', 'A.E']
  const read = () => execute('GetSettings', { settings: names.map((name) => ({ name })) })
  expect((await read()).status).toBe('accepted')
  const entry = { stationId: 'CP1', approved: true, minProfile: 0, itemsPerMessage: { GetVariables: 2 } }
  await site.apply('stations', { stations: [entry] })
  expect(await read()).toMatchObject({ status: 'accepted', reply: { calls: [{}, {}, {}] } })
  expect(heard).toEqual([5, 2, 2, 1])
})

it('several settings of 1.6 are several calls, and the reply tells what each did', async () => {
  await open('ocpp1.6')
  const statuses = ['Accepted', 'NotSupported', 'RebootRequired']
  const heard: unknown[] = []
  station.handle('ChangeConfiguration', ({ key }) => {
    heard.push(key)
    return { status: statuses[heard.length - 1] }
  })
  const settings = ['A', 'B', 'C'].map((name) => ({ name, value: '1' }))
  expect(await execute('SetSettings', { settings })).toEqual({
    status: 'rejected',
    reply: {
      calls: statuses.map((status) => ({
        action: 'ChangeConfiguration',
        status: status === 'NotSupported' ? 'rejected' : 'accepted',
        reply: { status },
      })),
    },
    error: { code: 'Partial', description: '2 of 3 calls were accepted' },
  })
  expect(heard).toEqual(['A', 'B', 'C'])
})

it('what is left of several calls when the time is over is not sent', async () => {
  await open('ocpp1.6')
  const heard: unknown[] = []
  station.handle('ChangeConfiguration', ({ key }) => {
    heard.push(key)
    // The answer comes when the time of the command is over.
    site.clock.advance(5_000)
    return { status: 'Accepted' }
  })
  const settings = ['A', 'B', 'C'].map((name) => ({ name, value: '1' }))
  const result = await execute('SetSettings', { settings }, 8_000)
  expect(heard).toEqual(['A', 'B'])
  // The second had 3 s to be answered in, so nobody knows.
  expect(result).toMatchObject({
    status: 'unknown',
    reply: {
      calls: [
        { status: 'accepted' },
        { status: 'unknown' },
        { action: 'ChangeConfiguration', status: 'not-sent' },
      ],
    },
    error: { code: 'Partial' },
  })
})

it('commands of several calls go one after the other, and one that has no time left then is not sent', async () => {
  await open('ocpp1.6')
  const heard: unknown[] = []
  station.handle('ChangeConfiguration', ({ key }) => {
    heard.push(key)
    if (key === 'B') site.clock.advance(2_000)
    return { status: 'Accepted' }
  })
  const settings = (...names: string[]) => ({ settings: names.map((name) => ({ name, value: '1' })) })
  const results = await Promise.all([
    execute('SetSettings', settings('A', 'B', 'C')),
    execute('SetSettings', settings('D', 'E')),
    execute('SetSettings', settings('F', 'G'), 2_000),
  ])
  expect(heard).toEqual(['A', 'B', 'C', 'D', 'E'])
  expect(results.map((it) => it.status)).toEqual(['accepted', 'accepted', 'expired'])
})

it('a connection that is lost between two calls ends the command with what was done', async () => {
  await open('ocpp1.6')
  station.handle('ChangeConfiguration', ({ key }) => {
    if (key === 'B') void station.close()
    return { status: 'Accepted' }
  })
  const settings = ['A', 'B', 'C'].map((name) => ({ name, value: '1' }))
  const { status, reply } = await execute('SetSettings', { settings })
  expect(status === 'unknown' || status === 'failed').toBe(true)
  expect(reply!.calls).toHaveLength(3)
  expect((reply!.calls as JsonObject[]).at(-1)).not.toMatchObject({ status: 'accepted' })
})

it('keys are asked for in as many messages as the station has told that it takes', async () => {
  await open('ocpp1.6')
  const asked: unknown[] = []
  station.handle('GetConfiguration', ({ key = [] }) => {
    asked.push(key)
    return { configurationKey: [{ key: 'GetConfigurationMaxKeys', readonly: true, value: '2' }] }
  })
  await execute('GetSettings', { settings: [{ name: 'GetConfigurationMaxKeys' }] })
  const settings = ['A', 'B', 'C'].map((name) => ({ name }))
  const { status, reply } = await execute('GetSettings', { settings })
  expect(status).toBe('accepted')
  expect(reply!.calls).toHaveLength(2)
  expect(asked.slice(1)).toEqual([['A', 'B'], ['C']])
})

it('a report is put together by its request id, and is the reply', async () => {
  await open('ocpp2.0.1')
  const asked: JsonObject[] = []
  station.handle('GetBaseReport', (payload) => {
    asked.push(payload)
    return { status: 'Accepted' }
  })
  const result = execute('GetBaseReport', { reportBase: 'FullInventory' })
  await site.until(() => asked[0])
  const requestId = asked[0]!.requestId as number
  const entry = (name: string) => ({
    component: { name },
    variable: { name: 'Enabled' },
    variableAttribute: [{ value: 'true' }],
  })
  const part = (seqNo: number, tbc: boolean, ...names: string[]) => ({
    ...{ generatedAt: '2026-11-23T12:00:00Z', seqNo, tbc, requestId },
    reportData: names.map(entry),
  })
  await station.call('NotifyReport', part(0, true, 'A', 'B'))
  await station.call('NotifyReport', { ...part(0, false, 'X'), requestId: requestId + 1 })
  await station.call('NotifyReport', part(1, false, 'C'))
  expect(await result).toEqual({
    status: 'accepted',
    reply: { status: 'Accepted', requestId, report: ['A', 'B', 'C'].map(entry), complete: true },
  })
})

const at = '2026-11-23T12:00:00Z'
const monitor = {
  ...{ component: { name: 'A' }, variable: { name: 'x' } },
  variableMonitoring: [{ id: 1, transaction: false, value: 1, type: 'Delta', severity: 5 }],
}
const message = { id: 1, priority: 'InFront', message: { format: 'UTF8', content: 'Hello' } }
const chargingProfile = {
  ...{ id: 1, stackLevel: 0, chargingProfilePurpose: 'TxDefaultProfile', chargingProfileKind: 'Relative' },
  chargingSchedule: [
    { id: 1, chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] },
  ],
}
it.each([
  [
    'GetMonitoringReport',
    {},
    'NotifyMonitoringReport',
    { seqNo: 0, generatedAt: at, monitor: [monitor] },
    [monitor],
  ],
  ['GetDisplayMessages', {}, 'NotifyDisplayMessages', { messageInfo: [message] }, [message]],
  [
    'GetChargingProfiles',
    { evseId: 1, stackLevel: 0 },
    'ReportChargingProfiles',
    { chargingLimitSource: 'CSO', evseId: 1, chargingProfile: [chargingProfile] },
    [{ chargingLimitSource: 'CSO', evseId: 1, chargingProfile: [chargingProfile] }],
  ],
  [
    'CustomerInformation',
    { report: true, clear: false, customerIdentifier: 'c' },
    'NotifyCustomerInformation',
    { data: 'all of it', seqNo: 0, generatedAt: at },
    ['all of it'],
  ],
])('%s ends with what the station tells', async (kind, args, action, part, report) => {
  await open('ocpp2.0.1')
  let requestId: unknown
  station.handle(kind, (payload) => {
    requestId = payload.requestId
    return { status: 'Accepted' }
  })
  const result = execute(kind, args)
  await site.until(() => requestId)
  await station.call(action, { requestId, ...part })
  expect(await result).toEqual({
    status: 'accepted',
    reply: { status: 'Accepted', requestId, report, complete: true },
  })
  const facts = JSON.stringify(await site.facts())
  expect(facts.includes('all of it')).toBe(false)
})

it('a customer who is forgotten without a report is done with the reply: whether the station tells of it is its own affair', async () => {
  await open('ocpp2.0.1')
  station.handle('CustomerInformation', () => ({ status: 'Accepted' }))
  const args = { report: false, clear: true, customerIdentifier: 'c', requestId: 5 }
  expect(await execute('CustomerInformation', args)).toEqual({
    status: 'accepted',
    reply: { status: 'Accepted', requestId: 5 },
  })
})

it('a report that does not end in time, or is too long, says so', async () => {
  await open('ocpp2.0.1')
  const asked: JsonObject[] = []
  station.handle('GetReport', (payload) => {
    asked.push(payload)
    return { status: 'Accepted' }
  })
  const result = execute('GetReport', { componentCriteria: ['Problem'], requestId: 5 })
  await site.until(() => asked[0])
  const long = {
    component: { name: 'A' },
    variable: { name: 'x' },
    variableAttribute: [{ value: 'v'.repeat(2_000) }],
  }
  const reportData = Array.from({ length: 20 }, () => long)
  await station.call('NotifyReport', {
    ...{ generatedAt: '2026-11-23T12:00:00Z', seqNo: 0, tbc: true, requestId: 5 },
    reportData,
  })
  site.clock.advance(30_000)
  const { status, reply } = await result
  expect(status).toBe('accepted')
  const report = reply!.report as unknown[]
  expect(reply).toMatchObject({ complete: false, more: 20 - report.length })
  expect(JSON.stringify(report).length).toBeLessThanOrEqual(MAX_REPORT_BYTES + 1)
  expect(report.length).toBeGreaterThan(5)
})

it('what the version of the station cannot do is said, and nothing is sent', async () => {
  await open('ocpp1.6')
  expect(await execute('GetBaseReport', { reportBase: 'FullInventory' })).toEqual({
    status: 'failed',
    error: {
      code: 'NotInVersion',
      description: 'kind: OCPP 1.6 has no GetBaseReport; it is there in 2.0.1 and 2.1',
    },
  })
})
