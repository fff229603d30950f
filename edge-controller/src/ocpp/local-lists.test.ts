/** Local lists kept in step with the tokens, over real sockets and with stations that are not ours. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { SWEEP_INTERVAL_MS } from '../session/sweep.ts'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { ANSWER_TIMEOUT_MS } from './commands.ts'
import { LIST_INTERVAL_MS } from './local-lists.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

const TOKENS = [
  { idToken: 'B', type: 'ISO14443', status: 'Blocked' as const },
  { idToken: 'A', type: 'ISO14443', status: 'Accepted' as const, groupId: 'fleet' },
  { idToken: 'TOO-LONG-FOR-OCPP-1.6-IT-IS', type: 'ISO14443', status: 'Accepted' as const },
]
let sent: JsonObject[]
let asked: number
let version: number
let answer: string
let differentialAnswer: string

/** What the station tells of itself: keys of 1.6, or what a report of the list's component has (2.x; undefined: it makes none). */
let keys: Record<string, string>
let variables: JsonObject[] | undefined

async function come(protocol: 'ocpp1.6' | 'ocpp2.0.1') {
  const is16 = protocol === 'ocpp1.6'
  const there = await connect(site.url, 'CP1', protocol)
  station = there
  station.handle('GetConfiguration', ({ key }) => ({
    configurationKey: (key as string[])
      .filter((it) => keys[it] !== undefined)
      .map((it) => ({ key: it, readonly: true, value: keys[it] })),
    unknownKey: (key as string[]).filter((it) => keys[it] === undefined),
  }))
  station.handle('GetReport', ({ requestId }) => {
    if (variables === undefined) return { status: 'NotSupported' }
    const reportData = variables
    setTimeout(() => {
      void there.call('NotifyReport', {
        requestId,
        seqNo: 0,
        generatedAt: '2026-11-01T00:00:00Z',
        reportData,
      })
    }, 20)
    return { status: 'Accepted' }
  })
  station.handle('GetVariables', ({ getVariableData }) => ({
    getVariableResult: (getVariableData as JsonObject[]).map((it) => ({
      ...it,
      attributeStatus: 'UnknownVariable',
    })),
  }))
  station.handle('GetLocalListVersion', () => {
    asked++
    return is16 ? { listVersion: version } : { versionNumber: version }
  })
  station.handle('SendLocalList', (payload) => {
    sent.push(payload)
    if (payload.updateType === 'Differential' && differentialAnswer !== 'Accepted')
      return { status: differentialAnswer }
    if (answer === 'Accepted') version = (payload.listVersion ?? payload.versionNumber) as number
    return { status: answer }
  })
  await boot(is16)
}
const boot = (is16: boolean) =>
  station.call(
    'BootNotification',
    is16
      ? { chargePointVendor: 'V', chargePointModel: 'M' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
  )
async function open(protocol: 'ocpp1.6' | 'ocpp2.0.1', localList = true) {
  sent = []
  asked = 0
  version = 0
  answer = 'Accepted'
  differentialAnswer = 'Accepted'
  keys = {}
  variables = undefined
  site = await TestController.start()
  await site.apply('tokens', { tokens: TOKENS })
  await site.apply('site', { authorization: { localList } })
  await come(protocol)
}
const told = async () => (await site.factsOf('station.local-list')).map((it) => it.data)
/** Sweeps, and lets what begins come to its end. */
async function pass(ms = SWEEP_INTERVAL_MS) {
  site.clock.advance(ms)
  // In pieces: a machine that stands still for a while leaves time for what has come meanwhile.
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 10))
}

it('1.6: goes whole after the boot, accepted tokens first, and not again while nothing changes', async () => {
  await open('ocpp1.6')
  await pass()
  await site.until(async () => (await told()).length === 1)
  expect(sent).toEqual([
    {
      listVersion: 2,
      updateType: 'Full',
      localAuthorizationList: [
        { idTag: 'A', idTagInfo: { status: 'Accepted', parentIdTag: 'fleet' } },
        { idTag: 'B', idTagInfo: { status: 'Blocked' } },
      ],
    },
  ])
  expect(await told()).toEqual([
    { outcome: 'kept', version: 2, entries: 2, omitted: 1, updateType: 'Full', sent: 2 },
  ])
  await pass(2 * LIST_INTERVAL_MS)
  expect(asked).toBe(1)
  // After a restart and a boot the version is compared; the list is the one that is wanted.
  await site.restart()
  await station.close()
  await come('ocpp1.6')
  await pass()
  await site.until(() => asked === 2)
  await pass()
  expect(sent.length).toBe(1)
  // A station that has lost its list gets it again.
  version = 0
  await boot(true)
  await pass()
  await site.until(() => sent.length === 2)
  expect(sent[1]).toMatchObject({ listVersion: 4, updateType: 'Full' })
})

it('2.0.1: follows a change of the tokens, no more often than its interval', async () => {
  await open('ocpp2.0.1')
  await pass()
  await site.until(async () => (await told()).length === 1)
  expect(sent[0]).toMatchObject({ versionNumber: 3, localAuthorizationList: [{}, {}, {}] })
  await site.apply('tokens', { tokens: TOKENS.slice(0, 1) })
  await pass()
  expect(sent.length).toBe(1)
  await pass(LIST_INTERVAL_MS)
  await site.until(() => sent.length === 2)
  // Two of three are gone: the one that is left is the shorter list.
  expect(sent[1]).toMatchObject({
    versionNumber: 4,
    updateType: 'Full',
    localAuthorizationList: [{ idToken: { idToken: 'B' }, idTokenInfo: { status: 'Blocked' } }],
  })
})

const MANY = Array.from({ length: 10 }, (_, n) => ({
  idToken: `T${n}`,
  type: 'ISO14443',
  status: 'Accepted' as const,
}))

it('2.0.1: what differs goes as a difference, in messages as short as the station takes them', async () => {
  await open('ocpp2.0.1')
  const of = (name: string, value: string, more: JsonObject = {}): JsonObject => ({
    component: { name: 'LocalAuthListCtrlr' },
    variable: { name },
    variableAttribute: [{ value }],
    ...more,
  })
  variables = [
    of('Entries', '0', {
      variableCharacteristics: { dataType: 'integer', maxLimit: 8, supportsMonitoring: false },
    }),
    of('ItemsPerMessage', '5'),
    of('BytesPerMessage', '550'),
  ]
  await site.apply('tokens', { tokens: MANY })
  await pass()
  await site.until(async () => (await told()).length === 1)
  const lists = () => sent.map((it) => (it.localAuthorizationList as JsonObject[]).length)
  // 300 bytes of entries of about 85 bytes each.
  expect(lists()).toEqual([3, 3, 2])
  expect(sent.map((it) => [it.updateType, it.versionNumber])).toEqual([
    ['Full', 6],
    ['Differential', 7],
    ['Differential', 8],
  ])
  const kept = { outcome: 'kept', version: 8, entries: 8, omitted: 2, most: 8 }
  expect(await told()).toEqual([{ ...kept, updateType: 'Full', sent: 8 }])
  // One is blocked, one removed: of those that had no room one comes in.
  const tokens = MANY.slice(1).map((it) => (it.idToken === 'T3' ? { ...it, status: 'Blocked' as const } : it))
  await site.apply('tokens', { tokens })
  await pass(LIST_INTERVAL_MS)
  await site.until(async () => (await told()).length === 2)
  expect(sent.slice(3)).toEqual([
    {
      versionNumber: 12,
      updateType: 'Differential',
      localAuthorizationList: [
        { idToken: { idToken: 'T0', type: 'ISO14443' } },
        { idToken: { idToken: 'T3', type: 'ISO14443' } },
        { idToken: { idToken: 'T8', type: 'ISO14443' }, idTokenInfo: { status: 'Accepted' } },
        { idToken: { idToken: 'T9', type: 'ISO14443' }, idTokenInfo: { status: 'Accepted' } },
      ],
    },
  ])
  expect((await told())[1]).toEqual({ ...kept, version: 12, omitted: 1, updateType: 'Differential', sent: 4 })
})

it('1.6: a station that holds few keeps those that have charged here', async () => {
  await open('ocpp1.6')
  keys = { LocalAuthListMaxLength: '2', SendLocalListMaxLength: '1' }
  await site.apply('tokens', { tokens: MANY })
  const start = {
    connectorId: 1,
    idTag: 'T7',
    meterStart: 0,
    timestamp: new Date(site.clock.now()).toISOString(),
  }
  await station.call('StartTransaction', start)
  await pass()
  await site.until(async () => (await told()).length === 1)
  const listed = sent.flatMap((it) => it.localAuthorizationList as { idTag: string }[])
  expect(listed.map((it) => it.idTag)).toEqual(['T0', 'T7'])
  expect(sent.map((it) => it.updateType)).toEqual(['Full', 'Differential'])
  expect(await told()).toMatchObject([{ entries: 2, omitted: 8, most: 2 }])
})

it.each(['VersionMismatch', 'Failed'])(
  'a difference that is answered %s is followed by the whole list',
  async (word) => {
    await open('ocpp1.6')
    await site.apply('tokens', { tokens: MANY })
    await pass()
    await site.until(async () => (await told()).length === 1)
    differentialAnswer = word
    await site.apply('tokens', { tokens: MANY.slice(1) })
    await pass(LIST_INTERVAL_MS)
    await site.until(async () => (await told()).length === 2)
    expect(sent.slice(1).map((it) => it.updateType)).toEqual(['Differential', 'Full'])
    expect(sent[2]!.localAuthorizationList).toHaveLength(9)
    expect((await told())[1]).toMatchObject({ outcome: 'kept', updateType: 'Full', entries: 9 })
  },
)

it('a list that an operator has sent is replaced as a whole, whatever its version', async () => {
  await open('ocpp1.6')
  await site.apply('tokens', { tokens: MANY })
  await pass()
  await site.until(async () => (await told()).length === 1)
  const args = { updateType: 'Full', versionNumber: version, entries: [] }
  const times = { issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-24T12:00:00Z' }
  const command = { id: 'c1', stationId: 'CP1', kind: 'SendLocalList', args, ...times }
  const result = await site.controller.execute(command, 60_000)
  expect(result).toMatchObject({ status: 'accepted' })
  await site.apply('tokens', { tokens: MANY.slice(1) })
  await pass(LIST_INTERVAL_MS)
  await site.until(() => sent.length === 3)
  expect(sent[2]).toMatchObject({ updateType: 'Full' })
})

it('a station that has its list switched off is sent none', async () => {
  await open('ocpp1.6')
  keys = { LocalAuthListEnabled: 'false' }
  await pass()
  await site.until(async () => (await told()).length === 1)
  expect(await told()).toEqual([{ outcome: 'failed', reason: 'the station has its local list switched off' }])
  expect([asked, sent]).toEqual([0, []])
})

it('is tried again when the station gave no answer', async () => {
  await open('ocpp1.6')
  let answerLate = (_: object): void => {}
  station.handle('GetLocalListVersion', () => {
    asked++
    if (asked > 1) return { listVersion: version }
    return new Promise<object>((resolve) => {
      answerLate = resolve
    })
  })
  await pass()
  await site.until(() => asked === 1)
  await pass(ANSWER_TIMEOUT_MS)
  await site.until(async () => (await told()).length === 1)
  await pass(LIST_INTERVAL_MS)
  await site.until(() => sent.length === 1)
  answerLate({ listVersion: version })
})

it('tells why a station does not take it, and goes to none where it is not wanted', async () => {
  await open('ocpp1.6')
  answer = 'NotSupported'
  await pass()
  await site.until(async () => (await told()).length === 1)
  expect(await told()).toEqual([{ outcome: 'failed', reason: 'NotSupported' }])
  version = -1
  await boot(true)
  await pass()
  await site.until(async () => (await told()).length === 2)
  expect((await told())[1]).toEqual({ outcome: 'failed', reason: 'the station keeps no local list' })
  await site.apply('site', { authorization: {} })
  await boot(true)
  await pass()
  expect(asked).toBe(2)
})
