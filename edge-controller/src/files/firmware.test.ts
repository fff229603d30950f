/** Firmware for the stations of a site over real HTTP: fetched once from a cloud that breaks off, verified, served in ranges. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PIECE_BYTES } from '@switchyard/protocol/site/file.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemRandom as random } from '../random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type Files, openFiles } from './files.ts'
import { IMAGE_LIFE_MS } from './firmware-cache.ts'
import { rangeOf } from './serve-firmware.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const ID = '01234567-89ab-4def-8123-456789abcdef'
const IMAGE = Buffer.from(random.bytes(2 * PIECE_BYTES + 99))
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

let folder: string
let clock: VirtualClock
let files: Files
let cloud: Server
/** What the cloud was asked for below the image, and how often it answers before it breaks off once. */
let asked: string[]
let breaksAt: number
let meta: object
const start = async (more: object = {}) => {
  const { port } = cloud.address() as AddressInfo
  files = await openFiles({
    host: '127.0.0.1',
    port: 0,
    url: undefined,
    folder,
    maxBytes: 8 * PIECE_BYTES,
    cloud: { cloudUrl: `http://127.0.0.1:${port}`, siteId: 's1', password: 'secret' },
    clock,
    random,
    log,
    ...more,
  })
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-firmware-'))
  clock = new VirtualClock('2026-11-27T12:00:00.000Z')
  asked = []
  breaksAt = Number.POSITIVE_INFINITY
  meta = { bytes: IMAGE.length, sha256: sha256(IMAGE), signature: 's', signingCertificate: null }
  cloud = createServer((request, response) => {
    const rest = request.url!.split(`/site/s1/firmware/${ID}`)[1]
    if (asked.push(rest ?? 'other') === breaksAt) return void response.destroy()
    if (rest === undefined) return void response.writeHead(404).end('no such firmware')
    const offset = Number(rest.slice(1))
    response.end(rest === '' ? JSON.stringify(meta) : IMAGE.subarray(offset, offset + PIECE_BYTES))
  })
  await new Promise<void>((resolve) => cloud.listen(0, '127.0.0.1', resolve))
  await start()
})
afterEach(async () => {
  await files.close()
  await new Promise((resolve) => cloud.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

const place = () => files.place(ID, clock.now(), '127.0.0.1')
const get = async (url: string, headers: Record<string, string> = {}, method = 'GET') => {
  const response = await fetch(url, { method, headers })
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}

it('is fetched once for all, served whole and in ranges, and found again after a restart', async () => {
  expect(place()).toBeUndefined()
  expect(await Promise.all([files.fetch(ID, 1_000), files.fetch(ID, 1_000)])).toEqual([undefined, undefined])
  expect(asked).toEqual(['', '/0', `/${PIECE_BYTES}`, `/${2 * PIECE_BYTES}`])
  const { location, signature } = place()!
  expect(signature).toBe('s')
  const whole = await get(location)
  expect([whole.status, sha256(whole.body)]).toEqual([200, sha256(IMAGE)])

  const { port } = files
  await files.close()
  await start({ port })
  const part = await get(location, { range: 'bytes=100-' })
  expect([part.status, part.headers.get('content-range')]).toEqual([
    206,
    `bytes 100-${IMAGE.length - 1}/${IMAGE.length}`,
  ])
  expect(part.body.equals(IMAGE.subarray(100))).toBe(true)
  const etag = part.headers.get('etag')!
  expect((await get(location, { range: 'bytes=0-9', 'if-range': etag })).body).toHaveLength(10)
  expect((await get(location, { range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200)
  expect((await get(location, { range: `bytes=${IMAGE.length}-` })).status).toBe(416)
  const head = await get(location, {}, 'HEAD')
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(IMAGE.length)])
})

it('is read with the URL that was given only, and not longer than it holds', async () => {
  await files.fetch(ID, 1_000)
  const { location } = place()!
  const parts = location.split('/')
  const changed = (at: number, to: string) => parts.map((it, i) => (i === at ? to : it)).join('/')
  expect((await get(changed(5, String(Number(parts[5]) + 1)))).status).toBe(404)
  expect((await get(changed(6, 'A'.repeat(43)))).status).toBe(404)
  expect((await get(changed(4, ID.replace('0', '1')))).status).toBe(404)
  expect((await get(location, {}, 'PUT')).status).toBe(404)
  clock.advance(IMAGE_LIFE_MS)
  expect((await get(location)).status).toBe(200)
  clock.advance(1)
  expect((await get(location)).status).toBe(404)
  // Nobody needs it any more.
  expect(readdirSync(join(folder, 'firmware'))).toEqual(['key'])
})

it('goes on where it was after a cut', async () => {
  breaksAt = 3
  const fetched = files.fetch(ID, 60_000)
  const timer = setInterval(() => clock.advance(1_000), 5)
  expect(await fetched).toBeUndefined()
  clearInterval(timer)
  expect(asked).toEqual(['', '/0', `/${PIECE_BYTES}`, '', `/${PIECE_BYTES}`, `/${2 * PIECE_BYTES}`])
  expect(sha256((await get(place()!.location)).body)).toBe(sha256(IMAGE))
})

it('is not served when it is another than was told, unknown, or larger than the box has room for', async () => {
  meta = { ...meta, sha256: '0'.repeat(64) }
  expect(await files.fetch(ID, 0)).toContain('sha256')
  expect(await files.fetch(ID.replace('0', '1'), 60_000)).toContain('404')
  expect(await files.fetch('../../key', 60_000)).toContain('no firmware id')
  meta = { ...meta, bytes: 9 * PIECE_BYTES }
  expect(await files.fetch(ID, 60_000)).toContain('images')
  expect(place()).toBeUndefined()
  expect(readdirSync(join(folder, 'firmware'))).toEqual(['key'])
})

it('ranges are read as RFC 9110 says', () => {
  expect(rangeOf('bytes=0-0', 10)).toEqual([0, 0])
  expect(rangeOf('bytes=3-99', 10)).toEqual([3, 9])
  expect(rangeOf('bytes=-4', 10)).toEqual([6, 9])
  expect(rangeOf('bytes=-40', 10)).toEqual([0, 9])
  expect(rangeOf('bytes=-0', 10)).toBe('none')
  expect(rangeOf('bytes=10-', 10)).toBe('none')
  for (const it of [undefined, 'bytes=5-3', 'bytes=-', 'bytes=0-1,3-4', 'lines=1-2'])
    expect(rangeOf(it, 10)).toBe('whole')
})
