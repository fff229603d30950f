import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningService } from '../platform/service.ts'
import {
  type Ask,
  askOf,
  createTestPlatform,
  TEST_EPOCH_MS,
  type TestPlatform,
  testHeaders,
} from '../platform/testing.ts'
import { driverService } from './service.ts'

let platform: TestPlatform
let service: RunningService
let ask: Ask

beforeEach(async () => {
  platform = await createTestPlatform({ service: driverService })
  service = await driverService.start(platform.context)
  ask = askOf(service)
})
afterEach(async () => {
  await service.stop(1_000)
  await platform.close()
})

async function tokensDocuments() {
  await platform.relay()
  const entries = await platform.entries('document.published')
  return entries.map((e) => JSON.parse(e.text).data)
}
const status = async (idToken: string, type = 'ISO14443') =>
  (await ask('GET', `/v1/authorize?idToken=${idToken}&type=${type}`)).body.status

test('a token decides who may charge, whatever its case, and for OCPP 1.6 whatever its type', async () => {
  expect((await ask('POST', '/v1/tokens', { idToken: 'Tag-1', type: 'ISO14443' })).status).toBe(201)
  expect(await status('TAG-1')).toBe('Accepted')
  expect(await status('tag-1', 'Central')).toBe('Accepted')
  expect(await status('tag-1', 'KeyCode')).toBe('Unknown')
  expect(await status('another')).toBe('Unknown')

  const blocked = await ask('POST', '/v1/tokens', { idToken: 'TAG-1', type: 'ISO14443', valid: false })
  expect(blocked).toMatchObject({ status: 200, body: { valid: false, status: 'Blocked' } })
  expect(await status('tag-1')).toBe('Blocked')
})

test('an accepted token is over when its time is', async () => {
  const expiresAt = new Date(TEST_EPOCH_MS + 60_000).toISOString()
  await ask('POST', '/v1/tokens', { idToken: 'T', expiresAt })
  expect(await status('T')).toBe('Accepted')
  platform.clock.advance(60_000)
  expect(await status('T')).toBe('Expired')
  expect((await ask('GET', '/v1/tokens')).body.items).toMatchObject([{ idToken: 'T', valid: false }])
})

test('changes are gathered into one document for all sites; what changes nothing makes none', async () => {
  await ask('POST', '/v1/tokens', { idToken: 'B', groupId: 'fleet' })
  await ask('POST', '/v1/tokens', { idToken: 'A', valid: false })
  platform.clock.advance(200)
  await expect.poll(tokensDocuments).toHaveLength(1)
  const [document] = await tokensDocuments()
  expect(document).toMatchObject({
    name: 'tokens',
    version: { generation: platform.context.eventLog.generation, n: 1 },
  })
  expect(JSON.parse(document.body)).toEqual({
    tokens: [
      { idToken: 'A', type: 'ISO14443', status: 'Blocked' },
      { idToken: 'B', type: 'ISO14443', status: 'Accepted', groupId: 'fleet' },
    ],
  })
  const [entry] = await platform.entries('document.published')
  expect(entry!.siteId).toBeNull()

  await ask('POST', '/v1/tokens', { idToken: 'A', valid: false })
  await ask('POST', '/v1/tokens', { idToken: 'C' })
  platform.clock.advance(200)
  await expect.poll(async () => (await tokensDocuments()).map((d) => d.version.n)).toEqual([1, 2])
  await ask('POST', '/v1/tokens', { idToken: 'C' })
  platform.clock.advance(1_000)
  const dirty = () => platform.sql`select 1 from driver.document where dirty`
  await expect.poll(dirty).toHaveLength(0)
  expect(await tokensDocuments()).toHaveLength(2)
})

test("a token's driver is told to billing; what is left out stays", async () => {
  const driver = await ask('POST', '/v1/drivers', { name: 'Ada', email: 'ada@example.org' })
  expect(driver.status).toBe(201)
  const { driverId } = driver.body
  await ask('POST', '/v1/tokens', { idToken: 'T', driverId, groupId: 'g' })
  const changed = await ask('POST', '/v1/tokens', { idToken: 't', valid: true })
  expect(changed.body).toMatchObject({ driverId, groupId: 'g' })
  await platform.relay()
  const told = (await platform.entries('token.changed')).map((e) => JSON.parse(e.text).data)
  expect(told).toEqual([
    { idToken: 'T', type: 'ISO14443', status: 'Accepted', driverId },
    { idToken: 't', type: 'ISO14443', status: 'Accepted', driverId },
  ])
  expect((await ask('GET', `/v1/drivers/${driverId}`)).body.name).toBe('Ada')
})

test('a blocked token stays blocked when something else of it is changed', async () => {
  await ask('POST', '/v1/tokens', { idToken: 'T', valid: false })
  const changed = await ask('POST', '/v1/tokens', { idToken: 'T', groupId: 'fleet' })
  expect(changed.body).toMatchObject({ status: 'Blocked', valid: false, groupId: 'fleet' })
  expect((await ask('POST', '/v1/tokens', { idToken: 'T', valid: true })).body.status).toBe('Accepted')
})

test('a misspelt wish is refused, not passed over', async () => {
  const misspelt = await ask('POST', '/v1/tokens', { idToken: 'T', vaild: false })
  expect(misspelt).toMatchObject({ status: 422, body: { errors: [{ path: 'vaild' }] } })
  const torn = await ask('POST', '/v1/tokens', { idToken: 'T', valid: true, status: 'Blocked' })
  expect(torn).toMatchObject({ status: 422, body: { errors: [{ path: 'valid' }] } })
})

test('what is wrong is named by its path', async () => {
  expect((await ask('POST', '/v1/tokens', { idToken: '' })).body.errors).toMatchObject([{ path: 'idToken' }])
  expect((await ask('POST', '/v1/tokens', {})).body.errors).toEqual([
    { path: 'idToken', message: 'is missing' },
  ])
  const never = { idToken: 'T', expiresAt: '0000-01-01T00:00:00Z' }
  expect((await ask('POST', '/v1/tokens', never)).body.errors).toMatchObject([{ path: 'expiresAt' }])
  const nobody = await ask('POST', '/v1/tokens', { idToken: 'T', driverId: 'nobody' })
  expect(nobody).toMatchObject({ status: 422, body: { errors: [{ path: 'driverId' }] } })
  expect((await ask('POST', '/v1/drivers', { name: 'x', email: 'no' })).body.errors).toMatchObject([
    { path: 'email' },
  ])
})

test("another tenant's tokens and drivers are not seen", async () => {
  await ask('POST', '/v1/tokens', { idToken: 'T' })
  await ask('POST', '/v1/drivers', { name: 'Ada' })
  const other = { headers: testHeaders('other') }
  const seen = async (path: string) => await (await service.routes!.request(path, other)).json()
  expect(await seen('/v1/tokens')).toEqual({ items: [], next: null })
  expect(await seen('/v1/drivers')).toEqual({ items: [], next: null })
  expect(await seen('/v1/authorize?idToken=T')).toEqual({ status: 'Unknown' })
})
