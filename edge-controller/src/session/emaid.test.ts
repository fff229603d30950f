/** A contract that the site knows in one writing, and cars present in another (ISO 15118 leaves hyphens to whoever writes it). */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

const KNOWN = 'DE-ABC-C12345678-9'
const PRESENTED = { idToken: 'DEABCC123456789', type: 'eMAID' }

let site: TestController
let station: ChargePoint

beforeEach(async () => {
  site = await TestController.start()
  await site.apply('tokens', { tokens: [{ idToken: KNOWN, type: 'eMAID', status: 'Accepted' }] })
  station = await connect(site.url, 'CS1', 'ocpp2.0.1')
  await station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function start(transactionId: string, evseId: number, idToken: object): Promise<unknown> {
  const reply = await station.call('TransactionEvent', {
    eventType: 'Started',
    timestamp: '2026-11-23T12:00:00Z',
    triggerReason: 'Authorized',
    seqNo: 0,
    transactionInfo: { transactionId },
    evse: { id: evseId, connectorId: 1 },
    idToken,
  })
  return (reply.idTokenInfo as JsonObject).status
}

it('is decided by the document, also when that blocks it', async () => {
  expect(await station.call('Authorize', { idToken: PRESENTED })).toEqual({
    idTokenInfo: { status: 'Accepted' },
  })
  await site.apply('tokens', { tokens: [{ idToken: KNOWN, type: 'eMAID', status: 'Blocked' }] })
  expect(await station.call('Authorize', { idToken: PRESENTED })).toEqual({
    idTokenInfo: { status: 'Blocked' },
  })
  const decided = await site.factsOf('token.decided')
  expect(decided.map(({ data }) => data.source)).toEqual(['document', 'document'])
})

it('charges once at a time, however it is written', async () => {
  expect(await start('tx-1', 1, { ...PRESENTED, idToken: KNOWN })).toBe('Accepted')
  expect(await start('tx-2', 2, PRESENTED)).toBe('ConcurrentTx')
})

it('is one unknown token to a site that takes tokens on trust', async () => {
  await site.apply('tokens', { tokens: [] })
  await site.apply('site', { authorization: { offlinePolicy: 'accept', offlineMaxSessions: 1 } })
  expect(await start('tx-1', 1, { ...PRESENTED, idToken: KNOWN })).toBe('Accepted')
  expect(await station.call('Authorize', { idToken: PRESENTED })).toEqual({
    idTokenInfo: { status: 'Accepted' },
  })
})

it('uses the reservation that was made for it', async () => {
  station.handle('ReserveNow', () => ({ status: 'Accepted' }))
  const reserve = {
    id: 'c1',
    stationId: 'CS1',
    kind: 'ReserveNow',
    args: {
      reservationId: 5,
      expiresAt: '2026-11-23T12:30:00Z',
      idToken: { value: KNOWN, type: 'eMAID' },
      evseId: 1,
    },
    issuedAt: '2026-11-23T12:00:00Z',
    expiresAt: '2026-11-23T13:00:00Z',
  }
  expect(await site.controller.execute(reserve, 30_000)).toMatchObject({ status: 'accepted' })
  await start('tx-1', 1, PRESENTED)
  expect((await site.factsOf('reservation.ended')).map(({ data }) => data)).toEqual([
    { reservationId: 5, reason: 'used' },
  ])
})
