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

async function come(protocol: 'ocpp1.6' | 'ocpp2.0.1') {
  const is16 = protocol === 'ocpp1.6'
  station = await connect(site.url, 'CP1', protocol)
  station.handle('GetLocalListVersion', () => {
    asked++
    return is16 ? { listVersion: version } : { versionNumber: version }
  })
  station.handle('SendLocalList', (payload) => {
    sent.push(payload)
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
  site = await TestController.start()
  await site.apply('tokens', { tokens: TOKENS })
  await site.apply('site', { authorization: { localList } })
  await come(protocol)
}
const told = async () => (await site.factsOf('station.local-list')).map((it) => it.data)
/** Sweeps, and lets what begins come to its end. */
async function pass(ms = SWEEP_INTERVAL_MS) {
  site.clock.advance(ms)
  await new Promise((resolve) => setTimeout(resolve, 200))
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
  expect(await told()).toEqual([{ outcome: 'kept', version: 2, entries: 2, omitted: 1 }])
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
  expect(sent[1]).toMatchObject({
    versionNumber: 4,
    updateType: 'Full',
    localAuthorizationList: [{ idToken: { idToken: 'B' }, idTokenInfo: { status: 'Blocked' } }],
  })
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
