/** Files of sites over real HTTP into a real database: in pieces, verified, each site for itself. */
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { PIECE_BYTES, uploadPath } from '@switchyard/protocol/site/file.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRandom } from '../platform/clock.ts'
import { testHeaders } from '../platform/testing.ts'
import { startTestGateway, type TestGateway } from './testing.ts'
import { createUploads, KEPT_MS, MAX_SITE_BYTES } from './uploads.ts'

const FILE = Buffer.from(systemRandom.bytes(PIECE_BYTES + 5))
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const OFFER = {
  stationId: 'CP-1',
  commandId: 'c-1',
  kind: 'DiagnosticsLog',
  name: 'log.tar.gz',
  bytes: FILE.length,
  sha256: sha256(FILE),
  receivedAt: '2026-11-27T10:00:00.000Z',
}

describe('uploads of a site', () => {
  let gateway: TestGateway
  const secrets = new Map<string, string>()
  beforeAll(async () => {
    gateway = await startTestGateway()
    for (const site of ['s1', 's2']) secrets.set(site, (await gateway.credential(site)).password)
  }, 60_000)
  afterAll(() => gateway?.close())

  const basic = (name: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  })
  async function put(path: string, body: Buffer | object, headers = basic('s1', secrets.get('s1')!)) {
    const response = await fetch(gateway.target.url + path, {
      method: 'PUT',
      body: (Buffer.isBuffer(body) ? body : JSON.stringify(body)) as string,
      headers,
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const get = (path: string, tenant?: string) =>
    fetch(`${gateway.target.url}/v1/stations/CP-1/logs${path}`, {
      headers: { ...testHeaders(), ...(tenant ? { 'x-switchyard-tenant': tenant } : {}) },
    })
  const newId = () => crypto.randomUUID()
  const first = FILE.subarray(0, PIECE_BYTES)
  const rest = FILE.subarray(PIECE_BYTES)

  it('come in pieces, each taken once, and are shown and downloaded when whole', async () => {
    const id = newId()
    const path = uploadPath('s1', id)
    expect(await put(path, OFFER)).toMatchObject({ status: 200, body: { offset: 0, complete: false } })
    expect((await put(`${path}/${PIECE_BYTES}`, rest)).status).toBe(409)
    expect((await put(`${path}/0`, first.subarray(1))).status).toBe(422)
    expect(await put(`${path}/0`, first)).toMatchObject({ body: { offset: PIECE_BYTES, complete: false } })
    expect(await put(`${path}/0`, first)).toMatchObject({ body: { offset: PIECE_BYTES, complete: false } })
    expect((await get(`/${id}/content`)).status).toBe(409)
    expect(await put(path, OFFER)).toMatchObject({ body: { offset: PIECE_BYTES, complete: false } })
    expect(await put(`${path}/${PIECE_BYTES}`, rest)).toMatchObject({
      body: { offset: FILE.length, complete: true },
    })
    expect(await put(path, OFFER)).toMatchObject({ body: { offset: FILE.length, complete: true } })

    const listed = (await (await get('')).json()) as { items: object[] }
    expect(listed.items).toMatchObject([{ logId: id, siteId: 's1', status: 'ready', sha256: OFFER.sha256 }])
    const content = await get(`/${id}/content`)
    expect(content.headers.get('content-disposition')).toBe('attachment; filename="log.tar.gz"')
    expect(sha256(Buffer.from(await content.arrayBuffer()))).toBe(OFFER.sha256)
    expect((await get(`/${id}/content`, 'other')).status).toBe(404)
    expect(((await (await get('', 'other')).json()) as { items: object[] }).items).toEqual([])
  })

  it('begin again when the whole is not what was offered', async () => {
    const path = uploadPath('s1', newId())
    const wrong = Buffer.from(first)
    wrong[7]! ^= 1
    await put(path, OFFER)
    await put(`${path}/0`, wrong)
    expect((await put(`${path}/${PIECE_BYTES}`, rest)).status).toBe(409)
    expect(await put(path, OFFER)).toMatchObject({ body: { offset: 0, complete: false } })
    await put(`${path}/0`, first)
    expect(await put(`${path}/${PIECE_BYTES}`, rest)).toMatchObject({ body: { complete: true } })
  })

  it('are of the site that shows its secret, and of no other', async () => {
    const id = newId()
    const path = uploadPath('s1', id)
    const asOther = basic('s2', secrets.get('s2')!)
    expect((await put(path, OFFER, {} as never)).status).toBe(401)
    expect((await put(path, OFFER, basic('s1', 'guess'))).status).toBe(401)
    expect((await put(path, OFFER, asOther)).status).toBe(401)
    expect((await put(path, OFFER, basic('s1', secrets.get('s2')!))).status).toBe(401)
    expect((await put(path, OFFER)).status).toBe(200)
    expect((await put(uploadPath('s2', id), OFFER, asOther)).status).toBe(409)
    expect((await put(`${uploadPath('s2', id)}/0`, first, asOther)).status).toBe(404)
    expect((await put(path, { ...OFFER, name: '../x' })).status).toBe(422)
    expect((await put(uploadPath('s1', 'x'), OFFER)).status).toBe(422)
    const large = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...basic('s1', secrets.get('s1')!), 'content-length': PIECE_BYTES + 1 }
      const asked = request(`${gateway.target.url}${path}/0`, { method: 'PUT', agent: false, headers })
      asked.on('response', (answer) => resolve(answer.statusCode)).on('error', reject)
      asked.flushHeaders()
    })
    expect(large).toBe(413)
    const [row] = await gateway.sql`select here from site_gateway.upload where file_id = ${id}`
    expect(Number(row?.here)).toBe(0)
  })

  it('are bounded for each site, and removed after their time', async () => {
    const file = { tenantId: 'default', siteId: 's2' }
    const large = { ...OFFER, kind: 'SecurityLog' as const, bytes: MAX_SITE_BYTES / 8 }
    const uploads = createUploads(gateway.target.context)
    const ids = Array.from({ length: 9 }, newId)
    for (const fileId of ids) {
      await uploads.offer({ ...file, fileId }, large)
      gateway.clock.advance(10)
    }
    const count = () => gateway.sql`select file_id from site_gateway.upload where site_id = 's2'`
    const kept = (await count()).map((row) => row.file_id as string)
    expect(kept.sort()).toEqual(ids.slice(1).sort())

    gateway.clock.advance(KEPT_MS)
    const loop = uploads.start()
    await loop.stop()
    expect((await count()).length).toBe(0)
  })

  it('are removed on demand', async () => {
    const id = newId()
    await put(uploadPath('s1', id), OFFER)
    const remove = () =>
      fetch(`${gateway.target.url}/v1/stations/CP-1/logs/${id}`, { method: 'DELETE', headers: testHeaders() })
    expect((await remove()).status).toBe(204)
    expect((await remove()).status).toBe(404)
  })
})
