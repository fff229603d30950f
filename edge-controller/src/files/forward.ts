/** Takes uploaded files to the cloud over HTTPS, one after the other: what is there already after a cut is not sent again. */
import { open } from 'node:fs/promises'
import {
  PIECE_BYTES,
  type UploadOffer,
  type UploadProgress,
  uploadPath,
  uploadProgress,
} from '@switchyard/protocol/site/file.ts'
import type { Clock, Log, Random } from '../ports.ts'
import { Answered, askCloud, type CloudAccess } from './cloud.ts'
import type { UploadedFile, UploadStore } from './upload-store.ts'

/** Wait after a failure, doubled up to the cap, of which a random half is left out. */
export const BACKOFF_FIRST_MS = 1_000
export const BACKOFF_CAP_MS = 300_000
/** Answers that another attempt would get as well: the file stays at the site until its time is over. */
const FINAL = new Set([400, 413, 422])

export interface ForwardOptions extends CloudAccess {
  store: UploadStore
  clock: Clock
  random: Random
  log: Log
}

export class Forward {
  readonly #options: ForwardOptions
  readonly #stopping = new AbortController()
  /** Refused for good by the cloud. */
  readonly #refused = new Set<string>()
  #running: Promise<void> | undefined
  #again = false
  #failures = 0
  #cancelRetry = (): void => {}

  constructor(options: ForwardOptions) {
    this.#options = options
  }

  /** There may be something to send. */
  wake(): void {
    if (this.#stopping.signal.aborted) return
    this.#again = true
    if (this.#running || this.#failures > 0) return
    this.#start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelRetry()
    await this.#running
  }

  #start(): void {
    this.#running = this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    const { store, log, clock, random } = this.#options
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false
      for (const file of store.uploaded()) {
        if (this.#refused.has(file.fileId)) continue
        const { fileId, stationId, commandId } = file
        try {
          await this.#send(file)
          this.#failures = 0
          store.remove(fileId)
          log.info({ fileId, stationId, commandId }, 'an uploaded file is in the cloud')
        } catch (error) {
          if (this.#stopping.signal.aborted) return
          const reason = (error as Error).message
          if (error instanceof Answered && FINAL.has(error.status)) {
            this.#refused.add(fileId)
            log.error({ fileId, stationId, commandId, reason }, 'the cloud does not take an uploaded file')
            continue
          }
          const waitMs = Math.min(BACKOFF_FIRST_MS * 2 ** this.#failures, BACKOFF_CAP_MS)
          const retryInMs = Math.round(waitMs * (0.5 + random.fraction() / 2))
          this.#failures = Math.min(this.#failures + 1, 16)
          log.warn({ fileId, stationId, reason, retryInMs }, 'an uploaded file did not reach the cloud')
          this.#cancelRetry = clock.after(retryInMs, () => {
            this.#again = true
            this.#start()
          })
          return
        }
      }
    }
  }

  async #send({ fileId, stationId, commandId, kind, received }: UploadedFile): Promise<void> {
    const { siteId, store } = this.#options
    const path = uploadPath(siteId, fileId)
    const offer: UploadOffer = {
      stationId,
      commandId,
      kind,
      name: received.name,
      bytes: received.bytes,
      sha256: received.sha256,
      receivedAt: new Date(received.atMs).toISOString(),
    }
    let progress = await this.#put(path, JSON.stringify(offer), 'application/json')
    const file = await open(store.pathOf(fileId), 'r')
    try {
      const piece = Buffer.alloc(PIECE_BYTES)
      while (!progress.complete) {
        const { offset } = progress
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, offset)
        if (bytesRead === 0) throw new Error(`it is shorter here than ${offset} bytes`)
        progress = await this.#put(
          `${path}/${offset}`,
          piece.subarray(0, bytesRead),
          'application/octet-stream',
        )
        if (progress.offset <= offset && !progress.complete)
          throw new Error('site-gateway did not keep a piece')
      }
    } finally {
      await file.close()
    }
  }

  async #put(path: string, body: string | Buffer, type: string): Promise<UploadProgress> {
    const answer = await askCloud(this.#options, 'PUT', path, { body, type, signal: this.#stopping.signal })
    return uploadProgress.parse(JSON.parse(answer.toString('utf8')))
  }
}
