/**
 * Files of stations on the box, in a folder: places that wait for an upload, and what was uploaded, until the cloud has it. Each
 * has a small JSON file that survives a restart; a place is known by the hash of its token, which nothing but the station is told.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { UPLOAD_KINDS } from '@switchyard/protocol/site/file.ts'
import { z } from 'zod'
import { uuidV7 } from '../ids.ts'
import type { Log, Random, UploadPlaces } from '../ports.ts'

/** How long a station may take to upload what it was asked for. */
export const PLACE_LIFE_MS = 24 * 3_600_000
/** Places of one station that wait for an upload; one more closes the oldest. */
export const MAX_PLACES_OF_STATION = 4
/** How long a file is kept that could not be given to the cloud. */
export const KEPT_MS = 7 * 24 * 3_600_000
/** Room on the disk that uploads leave alone: the journal goes before. */
export const FREE_BYTES_LEFT = 256 * 1024 * 1024
/** Entropy of a token, bytes. */
const TOKEN_BYTES = 32

const stored = z.object({
  fileId: z.string(),
  tokenSha256: z.string(),
  stationId: z.string(),
  commandId: z.string(),
  kind: z.enum(UPLOAD_KINDS),
  /** Wall clock, ms. */
  openedAtMs: z.number(),
  /** Null: nothing was uploaded yet. */
  received: z
    .object({ name: z.string().nullable(), bytes: z.number(), sha256: z.string(), atMs: z.number() })
    .nullable(),
})
type Stored = z.infer<typeof stored>
export type Received = NonNullable<Stored['received']>
export type UploadedFile = Stored & { received: Received }

export interface UploadStoreOptions {
  folder: string
  /** Most bytes of files that wait for the cloud. */
  maxBytes: number
  now(): number
  random: Random
  log: Log
}

export class UploadStore {
  readonly #options: UploadStoreOptions
  readonly #files = new Map<string, Stored>()
  readonly #receiving = new Map<string, number>()

  /** Throws when the folder cannot be used. What an upload left behind that did not end is removed. */
  constructor(options: UploadStoreOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(options.folder)) {
      if (!name.endsWith('.json')) continue
      const file = readStored(join(options.folder, name))
      if (file && `${file.fileId}.json` === name) this.#files.set(file.fileId, file)
      else
        options.log.error(
          { file: name },
          'what is known of an uploaded file cannot be read; it is left alone',
        )
    }
    for (const name of readdirSync(options.folder))
      if (name.endsWith('.part') || name.endsWith('.new')) rmSync(join(options.folder, name), { force: true })
    this.prune()
  }

  /** A new place for one file; returns its token. */
  open({ stationId, commandId, kind }: Parameters<UploadPlaces['open']>[0]): string {
    this.prune()
    const { now, random } = this.#options
    const waiting = [...this.#files.values()].filter((it) => it.stationId === stationId && !it.received)
    waiting.sort((a, b) => a.openedAtMs - b.openedAtMs)
    for (const old of waiting.slice(0, Math.max(0, waiting.length - MAX_PLACES_OF_STATION + 1)))
      this.remove(old.fileId)
    const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')
    const openedAtMs = now()
    const fileId = uuidV7(openedAtMs, random)
    this.#write({
      fileId,
      tokenSha256: hashOf(token),
      stationId,
      commandId,
      kind,
      openedAtMs,
      received: null,
    })
    return token
  }

  /** The place of a token; undefined: there is none, or its time is over. */
  find(token: string): Stored | undefined {
    this.prune()
    const hash = hashOf(token)
    return [...this.#files.values()].find((it) => it.tokenSha256 === hash)
  }

  /** Claims the place for one upload at a time; undefined while another is under way. */
  claim(fileId: string): { path: string; grow(bytes: number): boolean; release(): void } | undefined {
    if (this.#receiving.has(fileId)) return undefined
    this.#receiving.set(fileId, 0)
    return {
      path: join(this.#options.folder, `${fileId}.part`),
      grow: (bytes) => {
        this.#receiving.set(fileId, (this.#receiving.get(fileId) ?? 0) + bytes)
        return this.#held() <= this.#options.maxBytes && this.#freeBytes() > FREE_BYTES_LEFT
      },
      release: () => void this.#receiving.delete(fileId),
    }
  }

  /** The upload has ended and its bytes are durable in the claimed path. */
  complete(fileId: string, received: Received): void {
    const file = this.#files.get(fileId)
    if (!file) throw new Error(`the place of ${fileId} was closed meanwhile`)
    renameSync(join(this.#options.folder, `${fileId}.part`), this.pathOf(fileId))
    this.#write({ ...file, received })
  }

  /** What is to go to the cloud, oldest first. */
  uploaded(): UploadedFile[] {
    this.prune()
    const files = [...this.#files.values()].filter((it): it is UploadedFile => it.received !== null)
    return files.sort((a, b) => a.received.atMs - b.received.atMs)
  }

  pathOf(fileId: string): string {
    return join(this.#options.folder, `${fileId}.bin`)
  }

  remove(fileId: string): void {
    if (!this.#files.delete(fileId)) return
    for (const end of ['json', 'bin']) rmSync(join(this.#options.folder, `${fileId}.${end}`), { force: true })
  }

  prune(): void {
    const nowMs = this.#options.now()
    for (const { fileId, stationId, commandId, openedAtMs, received } of [...this.#files.values()]) {
      if (this.#receiving.has(fileId)) continue
      if (!received && nowMs - openedAtMs > PLACE_LIFE_MS) this.remove(fileId)
      if (!received || nowMs - received.atMs <= KEPT_MS) continue
      this.#options.log.warn(
        { fileId, stationId, commandId },
        'an uploaded file was never taken by the cloud: removed',
      )
      this.remove(fileId)
    }
  }

  #held(): number {
    let bytes = 0
    for (const { received } of this.#files.values()) bytes += received?.bytes ?? 0
    for (const receiving of this.#receiving.values()) bytes += receiving
    return bytes
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#options.folder)
    return bavail * bsize
  }

  #write(file: Stored): void {
    const path = join(this.#options.folder, `${file.fileId}.json`)
    writeFileSync(`${path}.new`, JSON.stringify(file), { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
    const folder = openSync(this.#options.folder, 'r')
    fsyncSync(folder)
    closeSync(folder)
    this.#files.set(file.fileId, file)
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function readStored(path: string): Stored | undefined {
  try {
    return stored.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
