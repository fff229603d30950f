/**
 * The site's file server for its stations: a log or diagnostics is uploaded with PUT or POST to a URL that holds for one file and
 * a bounded time (`/upload/{token}`, or a name below it: stations that take the location for a folder add one), and firmware that the
 * site has fetched is read below `/firmware`.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MAX_UPLOAD_BYTES } from '@switchyard/protocol/site/file.ts'
import { limitedLog } from '../limited-log.ts'
import type { Clock, FirmwareSource, Log, UploadPlaces } from '../ports.ts'
import type { FirmwareCache } from './firmware-cache.ts'
import { serveFirmware } from './serve-firmware.ts'
import type { UploadStore } from './upload-store.ts'

/** Connections at once; further ones are refused. */
const MAX_CONNECTIONS = 64
/** Uploads at once; further ones are answered 503. */
const MAX_UPLOADS = 8
/** Downloads at once; further ones are answered 503. */
const MAX_DOWNLOADS = 16
/** Of a whole upload: 64 MiB over the slowest mobile links of stations would take longer, over a LAN it takes seconds. */
const REQUEST_TIMEOUT_MS = 600_000
const HEADERS_TIMEOUT_MS = 10_000
/** Silence on a connection before it is cut. */
const IDLE_TIMEOUT_MS = 60_000

const PATH = /^\/upload\/([\w-]{43})(?:\/+([^/?]*))?(?:\?|$)/
const NAME = /^[\w.-]{1,128}$/

export interface FileServerOptions {
  host: string
  port: number
  /** How stations reach the server; absent: by the address at which they reached the OCPP port. */
  url: string | undefined
  store: UploadStore
  firmware: FirmwareCache
  clock: Clock
  log: Log
  /** A file is there in full, durable. */
  onUploaded(): void
}

export interface FileServer extends UploadPlaces, FirmwareSource {
  readonly port: number
  close(): Promise<void>
}

/** What is answered; it also ends an upload. */
class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Rejects when the port cannot be bound. */
export async function listenFiles(options: FileServerOptions): Promise<FileServer> {
  const { store, firmware, clock, host, onUploaded } = options
  const log = limitedLog(options.log, clock)
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS })
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = IDLE_TIMEOUT_MS
  let uploads = 0
  let downloads = 0

  async function take(request: IncomingMessage): Promise<void> {
    const [, token, name] = PATH.exec(request.url ?? '') ?? []
    const place = token === undefined ? undefined : store.find(token)
    if (!place) throw nothingHere()
    if (request.method !== 'PUT' && request.method !== 'POST')
      throw new Refused(405, 'a file is uploaded here, with PUT or POST')
    if (place.received) throw new Refused(409, 'the file was uploaded already')
    if (Number(request.headers['content-length'] ?? 0) > MAX_UPLOAD_BYTES) throw tooLarge()
    if (uploads >= MAX_UPLOADS) throw new Refused(503, `${MAX_UPLOADS} uploads are under way`)
    const claim = store.claim(place.fileId)
    if (!claim) throw new Refused(409, 'an upload to this place is under way')
    uploads++
    const { fileId, stationId, commandId, kind } = place
    try {
      const { bytes, sha256 } = await write(request, claim)
      const kept = name !== undefined && NAME.test(name) ? name : null
      store.complete(fileId, { name: kept, bytes, sha256, atMs: clock.now() })
      log.info({ stationId, commandId, kind, fileId, bytes }, 'a station uploaded a file')
    } finally {
      claim.release()
      uploads--
    }
    onUploaded()
  }

  async function give(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (downloads >= MAX_DOWNLOADS) throw new Refused(503, `${MAX_DOWNLOADS} downloads are under way`)
    downloads++
    try {
      if (await serveFirmware(firmware, request, response)) return
    } finally {
      downloads--
    }
    throw nothingHere()
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (reads && request.url?.startsWith('/firmware/')) return give(request, response)
    await take(request)
    response.writeHead(201, { 'content-length': 0 }).end()
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const remote = request.socket.remoteAddress
    handle(request, response).catch((error: Error) => {
      const refused = error instanceof Refused
      // The token is no matter for a log.
      log.warn({ remote, method: request.method, reason: error.message }, 'an upload was not taken')
      const body = `${refused ? error.message : 'this was not served; the log of the controller says why'}\n`
      // Cut in the middle of an answer: there is nobody to tell.
      if (response.headersSent) return void response.destroy()
      // Whatever is still to come is not read.
      response.writeHead(refused ? error.status : 500, {
        'content-type': 'text/plain; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
        'x-content-type-options': 'nosniff',
      })
      response.end(body)
    })
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const baseFor = (local: string | undefined) =>
    (options.url ?? `http://${urlHost(local ?? host)}:${port}`).replace(/\/+$/, '')
  return {
    port,
    open: (upload, local) => `${baseFor(local)}/upload/${store.open(upload)}`,
    fetch: (firmwareId, withinMs) =>
      firmware.fetch(firmwareId, withinMs).then(
        () => undefined,
        (error: Error) => error.message,
      ),
    place(firmwareId, fromMs, local) {
      const placed = firmware.place(firmwareId, fromMs)
      return placed && { location: `${baseFor(local)}${placed.path}`, ...placed.meta }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Into the claimed path, fsynced; a sender that goes away, or sends too much, leaves nothing that counts. */
async function write(
  request: IncomingMessage,
  { path, grow }: NonNullable<ReturnType<UploadStore['claim']>>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path, 'w', 0o600)
  try {
    // Not destroyed where it is refused in the middle: the answer goes over the same socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length
      if (bytes > MAX_UPLOAD_BYTES) throw tooLarge()
      if (!grow(chunk.length)) throw new Refused(507, 'the site has no room for this now')
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    if (!request.complete) throw new Refused(400, 'the upload was cut off')
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

function nothingHere(): Refused {
  return new Refused(404, 'there is nothing here, or its time is over')
}

function tooLarge(): Refused {
  return new Refused(413, `a file has at most ${MAX_UPLOAD_BYTES} bytes`)
}

/** An address as it stands in a URL; IPv4 within IPv6 as IPv4. */
function urlHost(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain.includes(':') ? `[${plain}]` : plain
}
