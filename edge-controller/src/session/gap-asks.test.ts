/** Sessions with missing events, and tokens whose status changes in mid-session, over real sockets and with stations that are not ours. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { ASKS_MAX } from './event-numbers.ts'
import { GAP_AGAIN_MS, GAP_SETTLE_MS } from './gap-asks.ts'

let site: TestController
let station: ChargePoint
let asked: JsonObject[]
let answer: JsonObject
let register: number

beforeEach(async () => {
  asked = []
  answer = { messagesInQueue: true }
  register = 1_000
  site = await TestController.start()
  await come()
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function come() {
  station = await connect(site.url, 'CP1', 'ocpp2.0.1')
  station.handle('GetTransactionStatus', (payload) => {
    asked.push(payload)
    return answer
  })
  await station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
}
const event = (eventType: string, seqNo: number, more: JsonObject = {}) => {
  const timestamp = new Date(site.clock.now()).toISOString()
  return station.call('TransactionEvent', {
    eventType,
    seqNo,
    timestamp,
    triggerReason: 'Trigger',
    transactionInfo: { transactionId: 'tx-1' },
    evse: { id: 1, connectorId: 1 },
    meterValue: [{ timestamp, sampledValue: [{ value: register++, context: 'Sample.Periodic' }] }],
    ...more,
  })
}
const started = () => event('Started', 0, { idToken: { idToken: 'A', type: 'ISO14443' } })
const gaps = async () => (await site.factsOf('session.gap')).map((it) => it.data)
/** Lets what is due be asked, and the answer be taken. */
async function pass(ms: number) {
  site.clock.advance(ms)
  // In pieces: a machine that stands still for a while leaves time for what has come meanwhile.
  for (let n = 0; n < 15; n++) await new Promise((resolve) => setTimeout(resolve, 10))
}

it('a station is asked once for what is missing, also after a restart, and again while it says that messages wait', async () => {
  await started()
  await event('Updated', 2)
  expect(asked).toEqual([])
  await site.restart()
  await station.close()
  await come()
  await pass(GAP_SETTLE_MS)
  await site.until(() => asked.length === 1)
  expect(asked).toEqual([{ transactionId: 'tx-1' }])
  await pass(GAP_SETTLE_MS)
  expect(asked).toHaveLength(1)
  for (let n = 0; n < 4; n++) await pass(GAP_AGAIN_MS)
  expect(asked).toHaveLength(ASKS_MAX)
  await event('Updated', 1)
  expect(await gaps()).toEqual([{ missing: [{ from: 1, to: 1 }] }, { missing: [] }])
})

it('what does not come is told as lost, and a session that its station knows to be over ends as presumed', async () => {
  await started()
  await event('Updated', 3)
  answer = { messagesInQueue: false, ongoingIndicator: false }
  await pass(GAP_SETTLE_MS)
  await site.until(async () => (await site.factsOf('session.ended')).length === 1)
  const missing = [{ from: 1, to: 2 }]
  expect(await gaps()).toEqual([{ missing }, { missing, lost: true }])
  expect((await site.factsOf('session.ended'))[0]!.data).toMatchObject({
    presumed: true,
    reason: 'NotOngoing',
    energyMilliWh: 1_000,
  })
  await pass(2 * GAP_AGAIN_MS)
  expect(asked).toHaveLength(1)
})

it('what has come meanwhile is not asked for', async () => {
  await started()
  await event('Updated', 2)
  await event('Updated', 1)
  await pass(GAP_AGAIN_MS)
  expect(asked).toEqual([])
})

it('a token that is blocked in mid-session is told to be with the next update, and to be accepted again once (E05)', async () => {
  const tokens = (status: 'Accepted' | 'Blocked', expiresAt?: string) =>
    site.apply('tokens', {
      tokens: [{ idToken: 'A', type: 'ISO14443', status, ...(expiresAt ? { expiresAt } : {}) }],
    })
  const soon = new Date(site.clock.now() + 60_000).toISOString()
  await tokens('Accepted', soon)
  await started()
  site.clock.advance(120_000)
  // That its time runs out in the middle ends nothing.
  expect(await event('Updated', 1)).toEqual({})
  await tokens('Blocked')
  for (const seqNo of [2, 3])
    expect(await event('Updated', seqNo)).toEqual({ idTokenInfo: { status: 'Blocked' } })
  await tokens('Accepted')
  expect(await event('Updated', 4)).toEqual({ idTokenInfo: { status: 'Accepted' } })
  expect(await event('Updated', 5)).toEqual({})
  expect((await site.factsOf('token.decided')).map((it) => it.data.status)).toEqual([
    'Accepted',
    'Blocked',
    'Accepted',
  ])
})

it('what a driver is to be shown goes with the start, and a change of it with the next update, once', async () => {
  const tokens = (personalMessage?: string) =>
    site.apply('tokens', {
      tokens: [
        {
          ...{ idToken: 'A', type: 'ISO14443', status: 'Accepted', chargingPriority: 3, language: 'de' },
          ...(personalMessage === undefined ? {} : { personalMessage }),
        },
      ],
    })
  const shown = (content: string) => ({ format: 'UTF8', content, language: 'de' })
  await tokens('Guten Tag')
  expect(await started()).toEqual({
    idTokenInfo: {
      ...{ status: 'Accepted', chargingPriority: 3, language1: 'de' },
      personalMessage: shown('Guten Tag'),
    },
  })
  expect(await event('Updated', 1)).toEqual({})
  await tokens('Noch zehn Minuten')
  expect(await event('Updated', 2)).toEqual({ updatedPersonalMessage: shown('Noch zehn Minuten') })
  expect(await event('Updated', 3)).toEqual({})
  await tokens()
  expect(await event('Updated', 4)).toEqual({})
})
