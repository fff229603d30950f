/** What a site risks on unknown tokens while nobody can be asked, and the master pass; over real sockets. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { STOP_AGAIN_MS } from './offline-risk.ts'
import { SWEEP_INTERVAL_MS } from './sweep.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(protocol: 'ocpp1.6' | 'ocpp2.0.1' = 'ocpp1.6') {
  site = await TestController.start({ config: { offlinePolicy: 'refuse' } })
  station = await connect(site.url, 'CP1', protocol)
  await station.call(
    'BootNotification',
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'V', chargePointModel: 'M' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
  )
}
const authorize = async (idTag: string) =>
  (await station.call('Authorize', { idTag })).idTagInfo as JsonObject
async function start(connectorId: number, idTag: string) {
  const timestamp = new Date(site.clock.now()).toISOString()
  const reply = await station.call('StartTransaction', { connectorId, idTag, meterStart: 1_000, timestamp })
  return { id: reply.transactionId as number, status: (reply.idTagInfo as JsonObject).status }
}
const meter = (connectorId: number, transactionId: number, wh: number) =>
  station.call('MeterValues', {
    connectorId,
    transactionId,
    meterValue: [
      { timestamp: new Date(site.clock.now()).toISOString(), sampledValue: [{ value: String(wh) }] },
    ],
  })

it('lets in so many unknown tokens at a time, and one more when one has gone', async () => {
  await open()
  await site.apply('tokens', { tokens: [{ idToken: 'KNOWN', type: 'ISO14443', status: 'Accepted' }] })
  await site.apply('site', { authorization: { offlinePolicy: 'accept', offlineMaxSessions: 2 } })
  const first = await start(1, 'X1')
  expect([first.status, (await start(2, 'X2')).status]).toEqual(['Accepted', 'Accepted'])
  expect(await authorize('X3')).toEqual({ status: 'Invalid' })
  expect((await start(3, 'X3')).status).toBe('Invalid')
  // Who charges already is no further one; a known token is no risk, and takes no place.
  expect(await authorize('x1')).toEqual({ status: 'Accepted' })
  expect((await start(4, 'KNOWN')).status).toBe('Accepted')
  const timestamp = new Date(site.clock.now()).toISOString()
  await station.call('StopTransaction', { transactionId: first.id, meterStop: 1_000, timestamp })
  expect(await authorize('X3')).toEqual({ status: 'Accepted' })
})

it('stops a session on trust that has taken what it may, again while it goes on, and no other', async () => {
  await open()
  await site.apply('tokens', { tokens: [{ idToken: 'KNOWN', type: 'ISO14443', status: 'Accepted' }] })
  await site.apply('site', { authorization: { offlinePolicy: 'accept', offlineMaxWh: 500 } })
  const stops: number[] = []
  station.handle('RemoteStopTransaction', ({ transactionId }) => {
    stops.push(transactionId as number)
    return { status: 'Rejected' }
  })
  const trusted = await start(1, 'X1')
  const known = await start(2, 'KNOWN')
  site.clock.advance(300_000)
  await meter(1, trusted.id, 1_499)
  await meter(2, known.id, 1_900)
  site.clock.advance(SWEEP_INTERVAL_MS)
  await meter(1, trusted.id, 1_500)
  expect(stops).toEqual([])
  site.clock.advance(SWEEP_INTERVAL_MS)
  await site.until(() => stops.length === 1)
  site.clock.advance(STOP_AGAIN_MS - SWEEP_INTERVAL_MS)
  await meter(2, known.id, 1_950)
  expect(stops).toEqual([trusted.id])
  site.clock.advance(SWEEP_INTERVAL_MS)
  await site.until(() => stops.length === 2)
  // The cloud has vouched for the token by now: it may go on.
  await site.apply('tokens', { tokens: [{ idToken: 'X1', type: 'ISO14443', status: 'Accepted' }] })
  site.clock.advance(2 * STOP_AGAIN_MS)
  await meter(2, known.id, 1_960)
  expect(stops).toEqual([trusted.id, trusted.id])
})

it('a master pass is told by its group, ends a session of another, and starts none', async () => {
  await open('ocpp2.0.1')
  await site.apply('tokens', {
    tokens: [
      { idToken: 'TAG', type: 'ISO14443', status: 'Accepted' },
      { idToken: 'PASS', type: 'ISO14443', status: 'Accepted', groupId: 'Masters' },
    ],
  })
  await site.apply('site', { authorization: { masterPassGroupId: 'masters' } })
  const PASS = { idToken: 'PASS', type: 'ISO14443' }
  const groupIdToken = { idToken: 'Masters', type: 'Central' }
  const accepted = { idTokenInfo: { status: 'Accepted', groupIdToken } }
  expect(await station.call('Authorize', { idToken: PASS })).toEqual(accepted)
  const event = (
    eventType: string,
    transactionId: string,
    triggerReason: string,
    idToken: object,
    more = {},
  ) =>
    station.call('TransactionEvent', {
      eventType,
      timestamp: new Date(site.clock.now()).toISOString(),
      triggerReason,
      seqNo: 0,
      transactionInfo: { transactionId, ...more },
      evse: { id: transactionId === 'tx-1' ? 1 : 2, connectorId: 1 },
      idToken,
    })
  await event('Started', 'tx-1', 'Authorized', { idToken: 'TAG', type: 'ISO14443' })
  expect(await event('Started', 'tx-2', 'Authorized', PASS)).toMatchObject({
    idTokenInfo: { status: 'Blocked' },
  })
  site.clock.advance(60_000)
  const stopped = await event('Ended', 'tx-1', 'StopAuthorized', PASS, { stoppedReason: 'MasterPass' })
  expect(stopped).toEqual(accepted)
  const [ended] = await site.factsOf('session.ended')
  expect(ended?.data).toMatchObject({ reason: 'MasterPass', idToken: { value: 'TAG' } })
})
