/** Commands to a 2.1 station: every one that the version has is sent to it and answered, and a site's limit holds. */
import {
  actionsOf,
  COMMAND_KINDS,
  COMMANDS,
  type CommandKind,
} from '@switchyard/protocol/command/commands.ts'
import { EXAMPLES } from '@switchyard/protocol/command/examples.fixture.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { connectRaw, type RawSocket } from '../../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../../testing/test-controller.ts'

let site: TestController
let station: RawSocket
/** What the station was asked, and what it says to all of it. */
let heard: string[]
let reply: (action: string, payload: JsonObject) => object
/** Says something of its own. */
let say: (action: string, payload: object) => void
afterEach(async () => {
  station.close()
  await station.closed
  await site.stop()
})

async function open(config: TestControllerOptions['config'] = {}) {
  heard = []
  reply = () => ({ status: 'Accepted' })
  site = await TestController.start({ config })
  station = await connectRaw(site.url, 'CP1', ['ocpp2.1'])
  let messages = 0
  say = (action, payload) => station.send(JSON.stringify([2, `m${messages++}`, action, payload]))
  station.ws.on('message', (data) => {
    const [type, id, action, payload] = JSON.parse(data.toString())
    if (type !== 2) return
    heard.push(action)
    station.send(JSON.stringify([3, id, reply(action, payload)]))
  })
  say('BootNotification', { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } })
  await site.until(async () => (await site.factsOf('station.booted'))[0])
}
const execute = (kind: string, args: object, remainingMs = 30_000) =>
  site.controller.execute(
    {
      ...{ id: 'c1', stationId: 'CP1', kind, args: args as JsonObject },
      ...{ issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-23T13:00:00Z' },
    },
    remainingMs,
  )

const settled = (ms: number) => new Promise<undefined>((resolve) => setTimeout(resolve, ms, undefined))

const CHANGES: CommandKind[] = ['RotatePassword', 'RotateCertificate', 'UpgradeSecurityProfile']

it('each goes out, and its outcome has the reply', async () => {
  await open()
  // Changes of what a station connects with end when it has come back with it: they have tests of their own.
  const kinds = COMMAND_KINDS.filter(
    (kind): kind is Exclude<CommandKind, 'ocpp.call'> =>
      actionsOf(kind, '2.1').length > 0 && !CHANGES.includes(kind),
  )
  expect(kinds.length).toBeGreaterThan(50)
  for (const kind of kinds) {
    // Named as OCPP does: no session runs here.
    const named = EXAMPLES[kind].map((args) =>
      'sessionId' in args ? { ...args, sessionId: undefined, transactionId: 'tx' } : args,
    )
    const args =
      kind === 'SetChargingProfile'
        ? named[0]!
        : named.at(kind === 'GetSettings' || kind === 'SetSettings' ? -1 : 0)!
    const result = execute(kind, JSON.parse(JSON.stringify(args)))
    if (COMMANDS[kind].about.report) {
      // No report follows: the outcome comes when the time is over.
      await site.until(() => heard.at(-1) === actionsOf(kind, '2.1')[0])
      await site.until(
        async () => (await Promise.race([result, settled(20)])) ?? void site.clock.advance(30_000),
      )
    }
    expect(await result, kind).toMatchObject({ status: 'accepted', reply: { status: 'Accepted' } })
    expect(actionsOf(kind, '2.1'), kind).toContain(heard.at(-1))
  }
  const asked = new Set(kinds.flatMap((kind) => actionsOf(kind, '2.1')))
  expect(new Set(heard)).toEqual(asked)
})

it('a report of controls is put together', async () => {
  await open()
  let requestId: unknown
  reply = (_action, payload) => {
    requestId = payload.requestId
    return { status: 'Accepted' }
  }
  const result = execute('GetDERControl', { isDefault: true })
  await site.until(() => requestId)
  const gradient = {
    id: 'g',
    gradient: { priority: 1, gradient: 2, softGradient: 3 },
  }
  say('ReportDERControl', { requestId, tbc: true, gradient: [gradient] })
  say('ReportDERControl', { requestId })
  expect(await result).toEqual({
    status: 'accepted',
    reply: { status: 'Accepted', requestId, report: [{ gradient: [gradient] }], complete: true },
  })
})

it('priority that a station was told to give or end, and said yes to, is told of its session', async () => {
  await open()
  reply = (_, { activate }) => ({ status: activate ? 'Accepted' : 'NoProfile' })
  for (const activate of [true, false])
    await execute('UsePriorityCharging', { transactionId: 'tx', activate })
  expect((await site.factsOf('session.priority')).map((it) => it.data)).toEqual([
    { transactionId: 'tx', activated: true, by: 'command' },
  ])
})

it('on a site with a limit, those that go beyond it are refused, and the refusal is told', async () => {
  await open({ siteLimitMa: 32_000 })
  for (const [kind, args] of [
    ['UsePriorityCharging', { transactionId: 'tx', activate: true }],
    ['UpdateDynamicSchedule', { chargingProfileId: 7, scheduleUpdate: { limit: 80 } }],
    ['AFRRSignal', { timestamp: '2026-11-23T12:00:00Z', signal: 1 }],
    ['SetDERControl', { isDefault: true, controlId: 'c', controlType: 'FreqDroop' }],
    ['SetSettings', { settings: [{ name: 'SmartChargingCtrlr.Enabled', value: 'false' }] }],
  ] as const)
    expect(await execute(kind, args), kind).toMatchObject({
      status: 'failed',
      error: { code: 'LoadManagement' },
    })
  expect(await execute('UsePriorityCharging', { transactionId: 'tx', activate: false })).toMatchObject({
    status: 'accepted',
  })
  await site.until(async () => (await site.factsOf('load.limit-refused')).length === 5)
})
