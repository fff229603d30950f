import { afterEach, beforeEach, expect, test } from 'vitest'
import { AT, booted, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
})
afterEach(async () => {
  await it?.stop()
})

const made = (reservationId: number, groupId?: string) => ({
  kind: 'reservation.made' as const,
  stationId: 'CS-1',
  data: {
    reservationId,
    evseId: reservationId === 7 ? 0 : 1,
    idToken: { value: 'TAG', type: 'ISO14443' },
    ...(groupId === undefined ? {} : { groupId }),
    expiresAt: AT(60),
  },
})

test('reservations of a station are listed, with what became of them', async () => {
  const { platform, service, ask } = it
  await platform.appendFacts(SITE, [
    ...booted,
    made(0),
    made(7, 'fleet'),
    made(9),
    {
      kind: 'reservation.ended',
      stationId: 'CS-1',
      sessionId: 'S-1',
      data: { reservationId: 0, reason: 'used' },
    },
    { kind: 'reservation.ended', stationId: 'CS-1', data: { reservationId: 9, reason: 'expired' } },
    made(9),
  ])
  await platform.settle(service)
  const first = await ask('GET', '/v1/stations/CS-1/reservations?limit=2')
  expect(first.body.items).toMatchObject([
    { reservationId: 0, evseId: 1, status: 'used', sessionId: 'S-1', groupId: null, expiresAt: AT(60) },
    {
      reservationId: 7,
      evseId: null,
      status: 'held',
      groupId: 'fleet',
      endedAt: null,
      idToken: { value: 'TAG' },
    },
  ])
  const rest = await ask('GET', `/v1/stations/CS-1/reservations?limit=2&cursor=${first.body.next}`)
  // The id was used again: it is held anew.
  expect(rest.body).toMatchObject({
    items: [{ reservationId: 9, status: 'held', endedAt: null }],
    next: null,
  })
  const held = await ask('GET', '/v1/stations/CS-1/reservations?status=held')
  expect(held.body.items.map((r: { reservationId: number }) => r.reservationId)).toEqual([7, 9])
  expect((await ask('GET', '/v1/stations/CS-9/reservations')).status).toBe(404)
})
