import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
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
    {
      kind: 'station.certificate',
      stationId: 'CS-1',
      // What it shows to cars is another one.
      data: { outcome: 'accepted', certificateType: 'V2GCertificate', ...certificate, serialNumber: '77' },
    },
  ])
  await platform.settle(service)
  expect(await shown()).toMatchObject({ certificate, revokedCertificates: [] })
  await it.ask('PATCH', '/v1/stations/CS-1', { revokedCertificates: ['4af0'] })
  expect(await shown()).toMatchObject({ revokedCertificates: ['4AF0'] })
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: true, revokedCertificates: ['4AF0'] }])
})

test('how many items a station takes in a message is told to its site, until nobody says so any more', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE })
  const itemsPerMessage = { GetVariables: 4, SendLocalList: 10 }
  await it.ask('PATCH', '/v1/stations/CS-1', { itemsPerMessage })
  expect(await shown()).toMatchObject({ itemsPerMessage })
  expect(await document()).toEqual([{ stationId: 'CS-1', approved: true, itemsPerMessage }])
  const wrong = await it.ask('PATCH', '/v1/stations/CS-1', { itemsPerMessage: { Reset: 4 } })
  expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path: 'itemsPerMessage.Reset' }] } })
  await it.ask('PATCH', '/v1/stations/CS-1', { itemsPerMessage: null })
  expect(await shown()).toMatchObject({ itemsPerMessage: null })
})

/** Begins a rotation, and gives what the site is told: the station's entry, and the command as the API shows it. */
async function rotate(args: object = {}) {
  const issued = await it.ask('POST', '/v1/stations/CS-1/commands', { kind: 'RotatePassword', args })
  if (issued.status !== 202) throw new Error(JSON.stringify(issued.body))
  const { commandId } = issued.body
  return { commandId, entry: (await document())[0] }
}
/** The site's word on a rotation, and that its command has ended. */
async function tell(kind: 'station.password-proved' | 'station.password-given-up', rotation: string) {
  const status = kind === 'station.password-proved' ? 'accepted' : 'rejected'
  const told = { kind, stationId: 'CS-1', data: { rotation, reason: 'Rejected' } } as FactDraft
  await platform.appendFacts(SITE, [told, { kind: 'command.outcome', data: { commandId: rotation, status } }])
  await platform.settle(service)
}

test('a password is rotated in one call: its hash goes to the site with the command, and the password is shown nowhere', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE, password: 'the-one-before' })
  const [{ passwordHash }] = await document()
  const { commandId, entry } = await rotate()
  expect(entry).toMatchObject({ passwordHash, next: { id: commandId } })
  expect(await shown()).toMatchObject({ passwordRotating: true })
  expect((await it.ask('GET', `/v1/commands/${commandId}`)).body).toMatchObject({
    status: 'pending',
    args: { password: '[redacted]' },
  })
  const [requested] = await platform.entries('command.requested')
  expect(JSON.parse(requested!.text).data.command.args).toEqual({ sealed: expect.any(String) })
  const again = await it.ask('POST', '/v1/stations/CS-1/commands', { kind: 'RotateCertificate', args: {} })
  expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining(commandId) } })
  await tell('station.password-proved', commandId)
  expect(await shown()).toMatchObject({ passwordRotating: false, passwordSet: true })
  const weak = await it.ask('POST', '/v1/stations/CS-1/commands', {
    kind: 'RotatePassword',
    args: { password: 'short' },
  })
  expect(weak).toMatchObject({ status: 422, body: { errors: [{ path: 'args.password' }] } })
})

test('no rotation drops a password that the station may hold', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE, password: 'the-one-before' })
  const [{ passwordHash: first }] = await document()
  const proved = await rotate()
  await tell('station.password-proved', proved.commandId)
  // What was proved is what the next one follows on.
  const second = proved.entry.next.passwordHash
  const refused = await rotate({ password: 'one-of-our-own-16' })
  expect(refused.entry).toMatchObject({ passwordHash: second, next: { id: refused.commandId } })
  expect(refused.entry.passwordHash).not.toBe(first)
  await tell('station.password-given-up', refused.commandId)
  expect(await shown()).toMatchObject({ passwordRotating: false })
  const hashes: string[] = []
  for (let i = 0; i < 4; i++) {
    const { commandId, entry } = await rotate()
    expect(entry).toMatchObject({ passwordHash: second, ...(i === 0 ? {} : { earlier: hashes }) })
    hashes.push(entry.next.passwordHash)
    const error = { code: 'NotProved', description: '' }
    await platform.appendFacts(SITE, [
      { kind: 'command.outcome', data: { commandId, status: 'failed', error } },
    ])
    await platform.settle(service)
  }
  const command = { kind: 'RotatePassword', args: {} }
  expect(await it.ask('POST', '/v1/stations/CS-1/commands', command)).toMatchObject({ status: 409 })
  await it.ask('PATCH', '/v1/stations/CS-1', { nextPassword: null })
  expect((await document())[0]).toEqual({ stationId: 'CS-1', approved: true, passwordHash: second })
})

test('a next password that was used is the password, also when nothing is to follow it', async () => {
  await it.ask('POST', '/v1/stations', { stationId: 'CS-1', siteId: SITE, password: 'the-one-before' })
  const { commandId, entry } = await rotate()
  await tell('station.password-proved', commandId)
  await it.ask('PATCH', '/v1/stations/CS-1', { nextPassword: null })
  const { passwordHash } = entry.next
  expect((await document())[0]).toEqual({ stationId: 'CS-1', approved: true, passwordHash })
})
