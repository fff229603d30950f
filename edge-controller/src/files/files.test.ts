/** Uploads as a station makes them, over real HTTP and a real folder, and their way to a cloud that is now and then away. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAX_UPLOAD_BYTES, PIECE_BYTES, uploadOffer } from '@switchyard/protocol/site/file.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRandom as random } from '../random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type Files, openFiles } from './files.ts'
import { BACKOFF_FIRST_MS } from './forward.ts'
import { KEPT_MS, MAX_PLACES_OF_STATION, PLACE_LIFE_MS } from './upload-store.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const ASKED = { stationId: 'CP-1', commandId: 'c-1', kind: 'DiagnosticsLog' as const }
const FILE = Buffer.from('what the station has to say\n')

let folder: string
let clock: VirtualClock
let files: Files
const start = async (more: object = {}) => {
  files = await openFiles({
    host: '127.0.0.1',
    port: 0,
    url: undefined,
    folder,
    maxBytes: 8 * PIECE_BYTES,
    cloud: undefined,
    clock,
    random,
    log,
    ...more,
  })
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-files-'))
  clock = new VirtualClock('2026-11-27T12:00:00.000Z')
  await start()
})
afterEach(async () => {
  await files.close()
  rmSync(folder, { recursive: true, force: true })
})

const put = async (url: string, body: Buffer = FILE, method = 'PUT') =>
  (await fetch(url, { method, body: body as unknown as string })).status
const names = (end: string) => readdirSync(folder).filter((it) => it.endsWith(end))
const held = () => names('.bin').map((it) => readFileSync(join(folder, it)))
const openPlace = (more: object = {}) => files.open({ ...ASKED, ...more }, '::ffff:127.0.0.1')

describe('a place for an upload', () => {
  it('takes one file, by PUT or POST, at the address by which the station came', async () => {
    const url = openPlace()
    expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${files.port}/upload/[\\w-]{43}$`))
    expect(await put(url)).toBe(201)
    expect(await put(url)).toBe(409)
    expect(await put(openPlace(), FILE, 'POST')).toBe(201)
    expect(held()).toEqual([FILE, FILE])
  })

  it('is found by its token alone, is no place to read from, and no name leads out of the folder', async () => {
    const url = openPlace()
    expect(await put(`${url.slice(0, -3)}AAA`)).toBe(404)
    expect(await put(url.replace('/upload/', '/upload/../'))).toBe(404)
    expect((await fetch(url)).status).toBe(405)
    expect(await put(`${url}/..%2f..%2fetc%2fpasswd`)).toBe(201)
    expect(await put(`${openPlace()}/log-1.tar.gz`)).toBe(201)
    const told = names('.json').map((it) => JSON.parse(readFileSync(join(folder, it), 'utf8')).received.name)
    expect(told.sort()).toEqual(['log-1.tar.gz', null].sort())
    // Nothing on the disk tells a token.
    const token = url.slice(url.lastIndexOf('/') + 1)
    expect(names('.json').some((it) => readFileSync(join(folder, it), 'utf8').includes(token))).toBe(false)
  })

  it('survives a restart, until its time is over', async () => {
    const [url, late] = [openPlace(), openPlace()]
    const { port } = files
    await files.close()
    await start({ port })
    expect(await put(url)).toBe(201)
    clock.advance(PLACE_LIFE_MS + 1)
    expect(await put(late)).toBe(404)
  })

  it('goes for a newer one when a station has many', async () => {
    const urls: string[] = []
    for (let i = 0; i <= MAX_PLACES_OF_STATION; i++) {
      urls.push(openPlace())
      clock.advance(1)
    }
    const other = openPlace({ stationId: 'CP-2' })
    expect(await put(urls[0]!)).toBe(404)
    expect(await put(urls[1]!)).toBe(201)
    expect(await put(other)).toBe(201)
  })

  it('refuses what is too large, and what the box has no room for', async () => {
    const declared = await new Promise<number>((resolve, reject) => {
      const asked = request(openPlace(), {
        method: 'PUT',
        headers: { 'content-length': MAX_UPLOAD_BYTES + 1 },
      })
      asked.on('response', (response) => resolve(response.statusCode!)).on('error', reject)
      asked.flushHeaders()
    })
    expect(declared).toBe(413)
    expect(await put(openPlace(), Buffer.alloc(6 * PIECE_BYTES))).toBe(201)
    const url = openPlace()
    // The box may close the connection before all of it was read.
    expect([507, 'cut']).toContain(await put(url, Buffer.alloc(3 * PIECE_BYTES)).catch(() => 'cut'))
    expect(names('.bin')).toHaveLength(1)
    expect(await put(url, Buffer.alloc(PIECE_BYTES))).toBe(201)
  })

  it('takes the file anew after an upload that was cut off', async () => {
    const url = openPlace()
    const begun = request(url, { method: 'PUT', headers: { 'content-length': 1_000 } })
    begun.on('error', () => {})
    begun.write(FILE)
    await new Promise<void>((resolve) => {
      const look = () => (names('.part').length === 1 ? resolve() : setTimeout(look, 5))
      look()
    })
    expect(await put(url)).toBe(409)
    begun.destroy()
    let status = 409
    for (let i = 0; i < 200 && status === 409; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      status = await put(url)
    }
    expect(status).toBe(201)
    expect(held()).toEqual([FILE])
  })
})

describe('a file on its way to the cloud', () => {
  let cloud: Server
  let kept: Map<string, Buffer>
  /** Requests that are answered before the cloud is gone. */
  let answers: number
  const pieces: number[] = []
  const bodyOf = async (asked: IncomingMessage) => {
    const chunks: Buffer[] = []
    for await (const chunk of asked) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  const cloudUrl = () => `http://127.0.0.1:${(cloud.address() as AddressInfo).port}`
  const settled = async (what: () => boolean) => {
    await expect.poll(what, { interval: 5 }).toBe(true)
  }

  beforeEach(async () => {
    kept = new Map()
    pieces.length = 0
    answers = Number.POSITIVE_INFINITY
    const sizes = new Map<string, number>()
    cloud = createServer(async (asked, answer) => {
      const [, , , , fileId = '', offset] = asked.url!.split('/')
      const body = await bodyOf(asked)
      if (answers-- <= 0) return void answer.destroy()
      expect(asked.headers.authorization).toBe(`Basic ${Buffer.from('s1:secret').toString('base64')}`)
      if (offset === undefined) sizes.set(fileId, uploadOffer.parse(JSON.parse(body.toString())).bytes)
      else {
        pieces.push(Number(offset))
        kept.set(fileId, Buffer.concat([kept.get(fileId) ?? Buffer.alloc(0), body]))
      }
      const here = kept.get(fileId)?.length ?? 0
      answer.end(JSON.stringify({ offset: here, complete: here === sizes.get(fileId) }))
    })
    await new Promise<void>((resolve) => cloud.listen(0, '127.0.0.1', resolve))
    await files.close()
    await start({ cloud: { cloudUrl: cloudUrl(), siteId: 's1', password: 'secret' } })
  })
  afterEach(() => new Promise((resolve) => cloud.close(resolve)))

  it('goes piece by piece, on from where it was after a cut, and then leaves the box', async () => {
    const file = random.bytes(2 * PIECE_BYTES + 17)
    answers = 2
    expect(await put(openPlace(), Buffer.from(file))).toBe(201)
    await settled(() => answers < 0)
    expect(held()).toHaveLength(1)
    answers = Number.POSITIVE_INFINITY
    await settled(() => {
      clock.advance(BACKOFF_FIRST_MS)
      return held().length === 0
    })
    expect(names('.json')).toEqual([])
    expect(pieces).toEqual([0, PIECE_BYTES, 2 * PIECE_BYTES])
    const [arrived] = [...kept.values()]
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    expect(hash(arrived!)).toBe(hash(file))
  })

  it('is given up after its time', async () => {
    answers = 0
    await put(openPlace())
    await settled(() => answers < 0)
    clock.advance(KEPT_MS + 1)
    openPlace()
    expect(held()).toEqual([])
  })
})
