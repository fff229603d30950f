import { createHash } from 'node:crypto'
import { digestOfBuckets, type Token } from '@switchyard/protocol/site/buckets.ts'
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
  const entries = await platform.entries('document.announced')
  return entries.map((e) => JSON.parse(e.text).data)
}
const sorted = (tokens: Token[]) => tokens.sort((a, b) => (a.idToken < b.idToken ? -1 : 1))
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

test('an eMAID is the same with and without hyphens, and another token is not', async () => {
  await ask('POST', '/v1/tokens', { idToken: 'DE-ABC-C12345678-9', type: 'eMAID' })
  expect(await status('deabcc123456789', 'eMAID')).toBe('Accepted')
  expect(await status('DE-ABC-C123456789', 'eMAID')).toBe('Accepted')
  expect(await status('DEABCC123456789', 'ISO14443')).toBe('Unknown')
  await ask('POST', '/v1/tokens', { idToken: 'DE-XYZ-C12345678', type: 'ISO14443' })
  expect(await status('DEXYZC12345678', 'eMAID')).toBe('Unknown')
})

test('an accepted token is over when its time is', async () => {
  const expiresAt = new Date(TEST_EPOCH_MS + 60_000).toISOString()
  await ask('POST', '/v1/tokens', { idToken: 'T', expiresAt })
  expect(await status('T')).toBe('Accepted')
  platform.clock.advance(60_000)
  expect(await status('T')).toBe('Expired')
  expect((await ask('GET', '/v1/tokens')).body.items).toMatchObject([{ idToken: 'T', valid: false }])
})

test('what its driver is shown, in which language and with which priority goes to the sites with a token', async () => {
  const said = { chargingPriority: -3, language: 'de-AT', personalMessage: 'Servus' }
  expect((await ask('POST', '/v1/tokens', { idToken: 'P', ...said })).body).toMatchObject(said)
  // What is left out stays, null takes it away.
  const changed = await ask('PATCH', '/v1/tokens/P', { language: null })
  expect(changed.body).toMatchObject({ ...said, language: null })
  for (const wrong of [
    { chargingPriority: 10 },
    { language: 'german' },
    { personalMessage: 'x'.repeat(513) },
  ])
    expect((await ask('PATCH', '/v1/tokens/P', wrong)).status).toBe(422)
  platform.clock.advance(200)
  await expect.poll(tokensDocuments).toHaveLength(1)
  const whole = await ask('GET', '/v1/documents/tokens?form=0')
  expect(sorted(JSON.parse(whole.body.chunks.join('')).tokens)).toEqual([
    { idToken: 'P', type: 'ISO14443', status: 'Accepted', chargingPriority: -3, personalMessage: 'Servus' },
  ])
  const replaced = await ask('PUT', '/v1/tokens/P', {})
  expect(replaced.body).toMatchObject({ chargingPriority: null, language: null, personalMessage: null })
})

test('after a version of one token that took long, the next one is made at once', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const holds = new Promise<void>((resolve, reject) => {
    platform.sql
      .begin(async (tx) => {
        await tx`lock table driver.published_bucket in exclusive mode`
        resolve()
        await held
      })
      .catch(reject)
  })
  await holds
  await ask('POST', '/v1/tokens', { idToken: 'SLOW' })
  platform.clock.advance(200)
  const waits = () =>
    platform.sql`select 1 from pg_locks where not granted and relation = 'driver.published_bucket'::regclass`
  await expect.poll(waits).toHaveLength(1)
  platform.clock.advance(10_000)
  release()
  await expect.poll(tokensDocuments).toHaveLength(1)
  await ask('POST', '/v1/tokens', { idToken: 'NEXT' })
  platform.clock.advance(200)
  await expect.poll(tokensDocuments).toHaveLength(2)
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
  const whole = await ask('GET', '/v1/documents/tokens?form=0')
  expect(whole.body.version).toEqual(document.version)
  expect(sorted(JSON.parse(whole.body.chunks.join('')).tokens)).toEqual([
    { idToken: 'A', type: 'ISO14443', status: 'Blocked' },
    { idToken: 'B', type: 'ISO14443', status: 'Accepted', groupId: 'fleet' },
  ])
  const [entry] = await platform.entries('document.announced')
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

/** Buckets in a content, as the site puts them together. */
const bucketsIn = (content: { chunks: string[] }): [number, string][] =>
  content.chunks.flatMap((it) => JSON.parse(it).buckets)
const tokensIn = (buckets: Iterable<[number, string]>): string[] =>
  [...buckets].flatMap(([, text]) => (text === '' ? [] : JSON.parse(text))).map((it: Token) => it.idToken)
const published = (n: number) =>
  expect.poll(async () => (await tokensDocuments()).at(-1)?.version.n, { timeout: 20_000 }).toBe(n)
const content = async (base?: number) =>
  (await ask('GET', `/v1/documents/tokens${base === undefined ? '' : `?base=${base}`}`)).body

test('an import makes or changes all of its tokens, or none', async () => {
  const tokens = Array.from({ length: 3_000 }, (_, i) => ({ idToken: `T${i}` }))
  expect(await ask('POST', '/v1/tokens/import', { tokens })).toMatchObject({
    status: 200,
    body: { made: 3_000, changed: 0 },
  })
  const again = await ask('POST', '/v1/tokens/import', {
    tokens: [{ idToken: 't7', valid: false }, { idToken: 'new' }],
  })
  expect(again.body).toEqual({ made: 1, changed: 1 })
  expect(await status('T7')).toBe('Blocked')
  const twice = await ask('POST', '/v1/tokens/import', { tokens: [{ idToken: 'x' }, { idToken: 'X' }] })
  expect(twice).toMatchObject({ status: 422, body: { errors: [{ path: 'tokens.1' }] } })
  const nobody = await ask('POST', '/v1/tokens/import', {
    tokens: [{ idToken: 'y' }, { idToken: 'z', driverId: 'nobody' }],
  })
  expect(nobody.body.errors).toMatchObject([{ path: 'tokens.1.driverId' }])
  expect(await status('y')).toBe('Unknown')
  await platform.relay()
  expect(await status('x')).toBe('Unknown')
})

test('a site that holds a version is sent what has changed since, and its digest is that of the whole', async () => {
  const tokens = Array.from({ length: 2_000 }, (_, i) => ({ idToken: `T${i}` }))
  await ask('POST', '/v1/tokens/import', { tokens })
  platform.clock.advance(1_000)
  await published(1)
  const site = new Map(bucketsIn(await content()))
  await ask('POST', '/v1/tokens', { idToken: 'T5', valid: false })
  platform.clock.advance(1_000)
  await published(2)
  await ask('POST', '/v1/tokens/import', { tokens: [{ idToken: 'N1' }, { idToken: 'N2' }] })
  platform.clock.advance(1_000)
  await published(3)

  const delta = await content(1)
  expect(delta).toMatchObject({ base: 1, version: { n: 3 } })
  const changed = bucketsIn(delta)
  expect(changed.length).toBeLessThanOrEqual(3)
  for (const [bucket, text] of changed) site.set(bucket, text)
  expect(new Set(tokensIn(site))).toEqual(new Set([...tokens.map((it) => it.idToken), 'N1', 'N2']))
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const digests = new Map([...site].map(([bucket, text]) => [bucket, sha256(text)]))
  expect(digestOfBuckets(digests, sha256)).toBe(delta.digest)
  expect((await content()).digest).toBe(delta.digest)
  expect(await content(3)).toMatchObject({ base: 3, chunks: ['{"buckets":[]}'] })
})

test('a change of most tokens is sent as the whole', async () => {
  const tokens = Array.from({ length: 1_000 }, (_, i) => ({ idToken: `T${i}` }))
  await ask('POST', '/v1/tokens/import', { tokens })
  platform.clock.advance(1_000)
  await published(1)
  await ask('POST', '/v1/tokens/import', { tokens: tokens.map((it) => ({ ...it, valid: false })) })
  platform.clock.advance(1_000)
  await published(2)
  expect((await content(1)).base).toBeNull()
})

test('tokens written before there were buckets get theirs, and another life of the log gets a version of its own', async () => {
  const { sql } = platform
  await ask('POST', '/v1/tokens/import', { tokens: [{ idToken: 'A' }, { idToken: 'B' }] })
  platform.clock.advance(1_000)
  await published(1)
  await sql`update driver.token set bucket = null`
  await sql`truncate driver.published_bucket`
  await sql`update driver.document set generation = 'before', token_count = null`
  platform.clock.advance(1_000)
  await published(2)
  expect(tokensIn(bucketsIn(await content())).sort()).toEqual(['A', 'B'])
  await ask('POST', '/v1/tokens', { idToken: 'C' })
  expect(await sql`select token_count from driver.document`).toEqual([{ token_count: 3 }])
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

test('one token is read, replaced, changed and removed by its identifier', async () => {
  expect((await ask('PATCH', '/v1/tokens/TAG', { valid: false })).status).toBe(404)
  const made = await ask('PUT', '/v1/tokens/TAG', { groupId: 'fleet', status: 'Expired' })
  expect(made).toMatchObject({ status: 201, body: { type: 'ISO14443', status: 'Expired', groupId: 'fleet' } })
  const blocked = await ask('PATCH', '/v1/tokens/tag', { status: 'Blocked' })
  expect(blocked).toMatchObject({ status: 200, body: { status: 'Blocked', groupId: 'fleet' } })
  const replaced = await ask('PUT', '/v1/tokens/TAG', {})
  expect(replaced).toMatchObject({ status: 200, body: { status: 'Accepted', groupId: null } })
  expect((await ask('GET', '/v1/tokens/TAG')).body).toMatchObject({ idToken: 'TAG', valid: true })

  expect((await ask('PUT', '/v1/tokens/TAG?type=Central', { type: 'eMAID' })).status).toBe(422)
  expect((await ask('PUT', '/v1/tokens/TAG', { type: 'Central' })).body).toMatchObject({ type: 'Central' })
  const which = await ask('DELETE', '/v1/tokens/TAG')
  expect(which.status).toBe(409)
  expect(which.body.detail).toContain('Central, ISO14443')
  expect((await ask('DELETE', '/v1/tokens/TAG?type=Central')).status).toBe(204)
  platform.clock.advance(200)
  await expect.poll(tokensDocuments).toHaveLength(1)
  expect((await ask('DELETE', '/v1/tokens/TAG')).status).toBe(204)
  expect(await status('TAG')).toBe('Unknown')
  platform.clock.advance(200)
  await expect.poll(tokensDocuments).toHaveLength(2)
  const whole = await ask('GET', '/v1/documents/tokens?form=0')
  expect(JSON.parse(whole.body.chunks.join(''))).toEqual({ tokens: [] })
})
