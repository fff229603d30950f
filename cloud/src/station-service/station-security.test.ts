import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningService } from '../platform/service.ts'
import type { TestPlatform } from '../platform/testing.ts'
import { booted, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
let platform: TestPlatform
let service: RunningService
beforeEach(async () => {
  it = await startStationService()
  platform = it.platform
  service = it.service
  await it.createSite()
})
afterEach(async () => {
  await it?.stop()
})

/** The stations document as published last. */
async function document() {
  await platform.relay()
  const entries = await platform.entries('document.published')
  const bodies = entries
    .map((entry) => JSON.parse(entry.text).data)
    .filter((data) => data.name === 'stations')
  return bodies.length === 0 ? undefined : JSON.parse(bodies.at(-1).body).stations
}
const shown = async (stationId = 'CS-1') => (await it.ask('GET', `/v1/stations/${stationId}`)).body

test('a station is rejected, held back and accepted again, and its site is told', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  expect(await shown()).toMatchObject({ registration: 'accepted', approved: true })
  const patch = (wish: object) => it.ask('PATCH', '/v1/stations/CS-1', wish)
  expect((await patch({ registration: 'rejected' })).body).toMatchObject({
    registration: 'rejected',
    approved: false,
  })
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: false, rejected: true }])
  expect((await patch({ approved: false })).body.registration).toBe('pending')
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: false }])
  expect((await patch({ approved: true })).body.registration).toBe('accepted')
  const contradiction = await patch({ approved: true, registration: 'rejected' })
  expect(contradiction).toMatchObject({ status: 422, body: { errors: [{ path: 'approved' }] } })
})

test('PUT registers a station, and replaces what is wanted of it but its password', async () => {
  const put = (wish: object) => it.ask('PUT', '/v1/stations/CS-1', { siteId: SITE, ...wish })
  const made = await put({ password: 'long-enough', minSecurityProfile: 2, certificateCn: 'SN-77' })
  expect(made).toMatchObject({
    status: 201,
    body: { passwordSet: true, minSecurityProfile: 2, certificateCn: 'SN-77', registration: 'accepted' },
  })
  const [entry] = await document()
  expect(entry).toMatchObject({ approved: true, minProfile: 2, certificateCn: 'SN-77' })
  expect(entry.passwordHash).toMatch(/^scrypt\$/)
  const replaced = await put({ registration: 'pending' })
  expect(replaced).toMatchObject({
    status: 200,
    body: { passwordSet: true, minSecurityProfile: null, certificateCn: null, registration: 'pending' },
  })
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: false, passwordHash: entry.passwordHash }])
  expect((await it.ask('PUT', '/v1/stations/CS-2', { siteId: 'nowhere' })).status).toBe(422)
})

test('the profile that a station has proved is given up by an operator, each time anew', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  const resets = new Set<string>()
  for (let i = 0; i < 2; i++) {
    await it.ask('PATCH', '/v1/stations/CS-1', { resetSecurityProfile: true })
    resets.add((await document())[0].profileReset)
  }
  expect(resets.size).toBe(2)
  expect(resets).not.toContain(undefined)
})

test('a removed station is gone, whatever its site still tells, until it is registered again', async () => {
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await it.ask('PATCH', '/v1/stations/CS-1', { password: 'long-enough' })
  expect((await it.ask('DELETE', '/v1/stations/CS-1')).status).toBe(204)
  const [tombstone] = await document()
  expect(tombstone).toEqual({
    stationId: 'CS-1',
    approved: false,
    removal: expect.any(String),
    removed: true,
  })
  const { removal } = tombstone
  await platform.appendFacts(SITE, [
    { kind: 'station.disconnected', stationId: 'CS-1', data: { reason: 'removed' } },
    { kind: 'station.removed', stationId: 'CS-1', data: { removal } },
  ])
  await platform.settle(service)
  expect((await it.ask('GET', '/v1/stations/CS-1')).status).toBe(404)
  expect((await it.ask('GET', '/v1/stations')).body.items).toEqual([])
  expect((await it.ask('GET', `/v1/sites/${SITE}`)).body.stations).toBe(0)
  expect((await it.ask('DELETE', '/v1/stations/CS-1')).status).toBe(404)

  const made = await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  expect(made).toMatchObject({ status: 201, body: { passwordSet: false } })
  // A site that was away still hears that what it knew is to be forgotten.
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: true, removal }])
})

test('a removed station that comes again by itself is shown again', async () => {
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await it.ask('DELETE', '/v1/stations/CS-1')
  const [{ removal }] = await document()
  await platform.appendFacts(SITE, [
    {
      kind: 'station.registered',
      stationId: 'CS-1',
      data: { onboarding: 'approve', approved: false, afterRemoval: removal },
    },
    { kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6', securityProfile: 0 } },
  ])
  await platform.settle(service)
  expect(await shown()).toMatchObject({ registration: 'pending', connected: true, securityProfile: 0 })
})

test('certificates: the newest that the site signed is shown, and revoked ones are told to it', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  const certificate = { serialNumber: '4AF0', notAfter: '2027-11-27T00:00:00.000Z' }
  await platform.appendFacts(SITE, [
    { kind: 'station.certificate', stationId: 'CS-1', data: { outcome: 'accepted', ...certificate } },
    { kind: 'station.certificate', stationId: 'CS-1', data: { outcome: 'refused', reason: 'its name' } },
  ])
  await platform.settle(service)
  expect(await shown()).toMatchObject({ certificate, revokedCertificates: [] })
  await it.ask('PATCH', '/v1/stations/CS-1', { revokedCertificates: ['4af0'] })
  expect(await shown()).toMatchObject({ revokedCertificates: ['4AF0'] })
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: true, revokedCertificates: ['4AF0'] }])
})
