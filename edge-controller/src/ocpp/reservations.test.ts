/** Reservations, from the command to the session that uses them, over real sockets and with stations that are not ours. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { MAX_RESERVATIONS, reservationsOf } from '../station/reservations.ts'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
let heard: JsonObject[]
let answer: object
afterEach(async () => {
  await station.close()
  await site.stop()
})

const BOOT = {
  'ocpp1.6': { chargePointVendor: 'V', chargePointModel: 'M' },
  'ocpp2.0.1': { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
}
async function open(protocol: keyof typeof BOOT): Promise<void> {
  site = await TestController.start()
  await site.apply('tokens', {
    tokens: [
      { idToken: 'TAG-1', type: 'ISO14443', status: 'Accepted', groupId: 'fleet' },
      { idToken: 'TAG-2', type: 'ISO14443', status: 'Accepted', groupId: 'fleet' },
    ],
  })
  station = await connect(site.url, 'CP1', protocol)
  heard = []
  answer = { status: 'Accepted' }
  for (const action of ['ReserveNow', 'CancelReservation'])
    station.handle(action, (payload) => {
      heard.push(payload)
      return answer
    })
  await station.call('BootNotification', BOOT[protocol])
}

const execute = (kind: string, args: object) =>
  site.controller.execute(
    {
      id: 'c1',
      stationId: 'CP1',
      kind,
      args: args as JsonObject,
      issuedAt: '2026-11-23T12:00:00Z',
      expiresAt: '2026-11-23T13:00:00Z',
    },
    30_000,
  )
const reserve = (reservationId: number, more: object = {}) =>
  execute('ReserveNow', {
    reservationId,
    expiresAt: '2026-11-23T12:30:00Z',
    idToken: { value: 'TAG-1', type: 'ISO14443' },
    evseId: 1,
    ...more,
  })
const held = () => reservationsOf(site.state, 'CP1').map((it) => it.reservationId)
const ends = async () => (await site.factsOf('reservation.ended')).map((it) => it.data)
const start16 = (more: object) =>
  station.call('StartTransaction', {
    connectorId: 1,
    meterStart: 0,
    timestamp: '2026-11-23T12:01:00Z',
    ...more,
  } as object)

it('1.6: is kept when the station says yes, and ends with the start that names it', async () => {
  await open('ocpp1.6')
  const groupIdToken = { value: 'fleet', type: 'Central' }
  expect(await reserve(5, { groupIdToken })).toMatchObject({ status: 'accepted' })
  expect(heard).toMatchObject([{ connectorId: 1, idTag: 'TAG-1', parentIdTag: 'fleet', reservationId: 5 }])
  const [made] = await site.factsOf('reservation.made')
  expect(made).toMatchObject({
    stationId: 'CP1',
    data: { reservationId: 5, evseId: 1, groupId: 'fleet', expiresAt: '2026-11-23T12:30:00.000Z' },
  })
  await site.restart()
  await station.close()
  expect(held()).toEqual([5])
  station = await connect(site.url, 'CP1', 'ocpp1.6')
  // Another one of the group: the station has compared the groups, by the parent that it was told.
  expect(await station.call('Authorize', { idTag: 'TAG-2' })).toMatchObject({
    idTagInfo: { status: 'Accepted', parentIdTag: 'fleet' },
  })
  await start16({ idTag: 'TAG-2', reservationId: 5 })
  const [ended] = await site.factsOf('reservation.ended')
  const [started] = await site.factsOf('session.started')
  expect(ended).toMatchObject({ sessionId: started?.sessionId, data: { reservationId: 5, reason: 'used' } })
  expect(held()).toEqual([])
})

it("is the station's word: one that it refuses is none, and a refused cancellation shows that it has none", async () => {
  await open('ocpp1.6')
  answer = { status: 'Occupied' }
  expect(await reserve(5)).toMatchObject({ status: 'rejected', reply: { status: 'Occupied' } })
  expect(held()).toEqual([])
  answer = { status: 'Accepted' }
  await reserve(5)
  await reserve(6, { evseId: 2 })
  await execute('CancelReservation', { reservationId: 5 })
  answer = { status: 'Rejected' }
  await execute('CancelReservation', { reservationId: 6 })
  await execute('CancelReservation', { reservationId: 99 })
  expect(await ends()).toEqual([
    { reservationId: 5, reason: 'cancelled' },
    { reservationId: 6, reason: 'removed' },
  ])
})

it('a start by its token uses it though the station names none; a start by another token does not', async () => {
  await open('ocpp1.6')
  await reserve(5)
  await start16({ idTag: 'TAG-2' })
  expect(held()).toEqual([5])
  await start16({ idTag: 'tag-1', timestamp: '2026-11-23T12:05:00Z', meterStart: 10 })
  expect(await ends()).toEqual([{ reservationId: 5, reason: 'used' }])
})

it('ends when its time is over, also after a restart', async () => {
  await open('ocpp1.6')
  await reserve(5)
  await site.restart()
  site.clock.advance(29 * 60_000)
  expect(held()).toEqual([5])
  site.clock.advance(2 * 60_000)
  await site.until(() => held().length === 0)
  expect(await ends()).toEqual([{ reservationId: 5, reason: 'expired' }])
})

it('2.0.1: of any EVSE, used by a TransactionEvent, and ended by what the station tells', async () => {
  await open('ocpp2.0.1')
  await reserve(5, { evseId: undefined, connectorType: 'cType2' })
  await reserve(6, { evseId: 2 })
  await reserve(7, { evseId: 3 })
  expect(heard[0]).toEqual({
    id: 5,
    expiryDateTime: expect.any(String),
    connectorType: 'cType2',
    idToken: { idToken: 'TAG-1', type: 'ISO14443' },
  })
  await station.call('TransactionEvent', {
    eventType: 'Started',
    timestamp: '2026-11-23T12:01:00Z',
    triggerReason: 'Authorized',
    seqNo: 0,
    transactionInfo: { transactionId: 'tx-1' },
    reservationId: 6,
    idToken: { idToken: 'TAG-1', type: 'ISO14443' },
    evse: { id: 2, connectorId: 1 },
  })
  await station.call('ReservationStatusUpdate', { reservationId: 5, reservationUpdateStatus: 'Expired' })
  await station.call('ReservationStatusUpdate', { reservationId: 7, reservationUpdateStatus: 'Removed' })
  await station.call('ReservationStatusUpdate', { reservationId: 8, reservationUpdateStatus: 'Removed' })
  expect(await ends()).toEqual([
    { reservationId: 6, reason: 'used' },
    { reservationId: 5, reason: 'expired' },
    { reservationId: 7, reason: 'removed' },
  ])
  expect((await site.factsOf('station.event')).length).toBe(3)
})

it('keeps no more than a station may have connectors: the one that ends first goes', async () => {
  await open('ocpp1.6')
  await reserve(0, { expiresAt: '2026-11-23T12:10:00Z' })
  for (let id = 1; id <= MAX_RESERVATIONS; id++) await reserve(id, { evseId: id })
  expect(held().length).toBe(MAX_RESERVATIONS)
  expect(await ends()).toEqual([{ reservationId: 0, reason: 'removed' }])
})
