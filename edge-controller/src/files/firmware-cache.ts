/**
 * Firmware images on the box: fetched once from the cloud for all stations of the site, verified, and kept until the last URL for one
 * is over. A URL is a capability to read one image until an instant; the box need not remember those that it gave.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import {
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import {
  FIRMWARE_ID_PATTERN,
  type FirmwareMeta,
  firmwareMeta,
  firmwarePath,
  PIECE_BYTES,
} from '@switchyard/protocol/site/file.ts'
import { z } from 'zod'
import type { Clock, Log, Random } from '../ports.ts'
import { Answered, askCloud, type CloudAccess } from './cloud.ts'
import { FREE_BYTES_LEFT } from './upload-store.ts'

/** How long a station may take after the instant at which it is to fetch the image. */
export const IMAGE_LIFE_MS = 3 * 24 * 3_600_000
/** How long the beginning of an image is kept that could not be fetched whole. */
const PART_KEPT_MS = 7 * 24 * 3_600_000
/** Between attempts to fetch, doubled up to the cap. */
const RETRY_FIRST_MS = 1_000
const RETRY_CAP_MS = 60_000
const KEY_BYTES = 32

const image = firmwareMeta.extend({ neededUntilMs: z.number() })
type Image = z.infer<typeof image>

export interface FirmwareCacheOptions {
  folder: string
  /** Most bytes of images. */
  maxBytes: number
  /** Absent: there are no images. */
  cloud: CloudAccess | undefined
  clock: Clock
  random: Random
  log: Log
}

export class FirmwareCache {
  readonly #options: FirmwareCacheOptions
  readonly #images = new Map<string, Image>()
  readonly #fetching = new Map<string, Promise<void>>()
  readonly #key: Buffer

  /** Throws when the folder cannot be used. */
  constructor(options: FirmwareCacheOptions) {
    this.#options = options
    const { folder, random, clock } = options
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#key = keyIn(folder, random)
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (name.endsWith('.json')) {
        const known = readImage(path)
        if (known) this.#images.set(name.slice(0, -'.json'.length), known)
      } else if (name.endsWith('.part') && clock.now() - statSync(path).mtimeMs > PART_KEPT_MS) rmSync(path)
    }
    this.#prune()
  }

  /** The image is here and verified; rejects, saying why, when it is not within so long. Asked for by many, it is fetched once. */
  async fetch(firmwareId: string, withinMs: number): Promise<void> {
    const { cloud, clock, log } = this.#options
    if (this.#images.has(firmwareId)) return
    if (!cloud) throw new Error('the controller of this site fetches no firmware (FILES_CLOUD_URL)')
    if (!FIRMWARE_ID_PATTERN.test(firmwareId)) throw new Error('is no firmware id')
    const deadlineMs = clock.mono() + withinMs
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(2 * waitMs, RETRY_CAP_MS)) {
      try {
        const running = this.#fetching.get(firmwareId) ?? this.#begin(firmwareId, cloud)
        await running
        return
      } catch (error) {
        const isFinal = error instanceof NoRoom || (error instanceof Answered && error.status < 500)
        if (isFinal || clock.mono() + waitMs > deadlineMs) throw error
        log.warn(
          { firmwareId, reason: (error as Error).message },
          'firmware was not fetched; it is tried again',
        )
        await new Promise<void>((resolve) => void clock.after(waitMs, resolve))
      }
    }
  }

  /** Path of a URL under which an image that is here can be read until some time after `fromMs`. */
  place(firmwareId: string, fromMs: number): { path: string; meta: FirmwareMeta } | undefined {
    const known = this.#images.get(firmwareId)
    if (!known) return undefined
    const untilMs = Math.max(this.#options.clock.now(), fromMs) + IMAGE_LIFE_MS
    if (untilMs > known.neededUntilMs) this.#write(firmwareId, { ...known, neededUntilMs: untilMs })
    return {
      path: `/firmware/${firmwareId}/${untilMs}/${this.#mac(firmwareId, untilMs)}/firmware.bin`,
      meta: known,
    }
  }

  /** The image of a URL that `place` gave; undefined when it is over, or none. */
  find(firmwareId: string, untilMs: number, mac: string): { meta: FirmwareMeta; file: string } | undefined {
    this.#prune()
    const expected = Buffer.from(this.#mac(firmwareId, untilMs))
    const given = Buffer.from(mac)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
    const meta = this.#images.get(firmwareId)
    if (!meta || this.#options.clock.now() > untilMs) return undefined
    return { meta, file: this.#file(firmwareId, 'bin') }
  }

  #begin(firmwareId: string, cloud: CloudAccess): Promise<void> {
    const running = this.#download(firmwareId, cloud).finally(() => this.#fetching.delete(firmwareId))
    this.#fetching.set(firmwareId, running)
    return running
  }

  async #download(firmwareId: string, cloud: CloudAccess): Promise<void> {
    const path = firmwarePath(cloud.siteId, firmwareId)
    const told = await askCloud(cloud, 'GET', path)
    const meta = firmwareMeta.parse(JSON.parse(told.toString('utf8')))
    this.#makeRoom(meta.bytes)
    const part = this.#file(firmwareId, 'part')
    const file = await open(part, 'a+', 0o600)
    try {
      const { size } = await file.stat()
      let offset = Math.min(size, meta.bytes)
      // A piece that was not whole comes again.
      if (offset < meta.bytes) offset -= offset % PIECE_BYTES
      await file.truncate(offset)
      while (offset < meta.bytes) {
        const piece = await askCloud(cloud, 'GET', `${path}/${offset}`)
        if (piece.length !== Math.min(PIECE_BYTES, meta.bytes - offset))
          throw new Error(`the piece at ${offset} has ${piece.length} bytes`)
        await file.appendFile(piece)
        offset += piece.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
    if ((await sha256Of(part)) !== meta.sha256) {
      rmSync(part, { force: true })
      throw new Error('its sha256 is another one than the cloud told')
    }
    renameSync(part, this.#file(firmwareId, 'bin'))
    this.#write(firmwareId, { ...meta, neededUntilMs: this.#options.clock.now() + IMAGE_LIFE_MS })
    this.#options.log.info({ firmwareId, bytes: meta.bytes }, 'firmware is here for the stations of the site')
  }

  #makeRoom(bytes: number): void {
    this.#prune()
    const { folder, maxBytes } = this.#options
    let held = 0
    for (const known of this.#images.values()) held += known.bytes
    const { bavail, bsize } = statfsSync(folder)
    if (held + bytes > maxBytes)
      throw new NoRoom(`${held} bytes of images are needed still, of ${maxBytes} that may be`)
    if (bavail * bsize - bytes < FREE_BYTES_LEFT) throw new NoRoom('the disk of the site has no room for it')
  }

  #prune(): void {
    for (const [firmwareId, { neededUntilMs }] of this.#images) {
      if (this.#options.clock.now() <= neededUntilMs) continue
      this.#images.delete(firmwareId)
      for (const end of ['json', 'bin']) rmSync(this.#file(firmwareId, end), { force: true })
    }
  }

  #write(firmwareId: string, known: Image): void {
    const path = this.#file(firmwareId, 'json')
    writeFileSync(`${path}.new`, JSON.stringify(known), { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
    this.#images.set(firmwareId, known)
  }

  #file(firmwareId: string, end: string): string {
    return join(this.#options.folder, `${firmwareId}.${end}`)
  }

  #mac(firmwareId: string, untilMs: number): string {
    return createHmac('sha256', this.#key).update(`${firmwareId} ${untilMs}`).digest('base64url')
  }
}

/** Another attempt would find no more. */
class NoRoom extends Error {}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** What the URLs are made with; a box without it makes a new one, and the URLs before hold no more. */
function keyIn(folder: string, random: Random): Buffer {
  const path = join(folder, 'key')
  try {
    const key = readFileSync(path)
    if (key.length === KEY_BYTES) return key
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const key = Buffer.from(random.bytes(KEY_BYTES))
  writeFileSync(path, key, { mode: 0o600, flush: true })
  return key
}

function readImage(path: string): Image | undefined {
  try {
    return image.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
