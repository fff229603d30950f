/**
 * The WebSocket server of the site: `ws://host:port/ocpp/{stationId}`. It admits, negotiates the subprotocol and hands over a
 * socket; what is refused is refused in the handshake, with a reason. The only file of the core that knows the network.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type OcppVersion, SUBPROTOCOL, versionOfSubprotocol } from '@switchyard/protocol/ocpp/version.ts'
import { type WebSocket, WebSocketServer } from 'ws'
import { limitedLog } from '../limited-log.ts'
import type { Clock, Log, Socket } from '../ports.ts'
import type { Credential } from '../station/security.ts'
import type { Admission, Knock } from './admission.ts'
import { ofTls, shownTo, type TlsOptions } from './tls.ts'

/** Largest frame of a station; a longer one closes its socket with 1009. */
export const MAX_FRAME_BYTES = 256 * 1024
/** Bytes that a station may leave unread before its socket is cut. */
export const MAX_UNREAD_BYTES = 1024 * 1024
/** From the TCP connection to the end of the handshake's headers. */
export const HANDSHAKE_TIMEOUT_MS = 10_000
/** Between a close frame of ours and cutting the socket. */
export const CLOSE_TIMEOUT_MS = 5_000

const PATH_PREFIX = '/ocpp/'

export interface OcppUpgradeOptions {
  /** Connections at once, handshakes included; further ones are refused with 503. */
  maxConnections: number
  versions: readonly OcppVersion[]
  /** Security profiles 2 and 3; absent: without encryption, profiles 0 and 1. */
  tls?: TlsOptions | undefined
  clock: Clock
  log: Log
  admit(knock: Knock): Promise<Admission>
  accept(socket: Socket, stationId: string, version: OcppVersion, credential: Credential): void
}

export interface OcppServerOptions extends OcppUpgradeOptions {
  host: string
  port: number
}

export interface OcppServer {
  readonly port: number
  readonly url: string
  /** Refuses new connections; those that are open are closed by the controller. */
  close(): Promise<void>
}

export async function listenOcpp(options: OcppServerOptions): Promise<OcppServer> {
  const timeouts = {
    headersTimeout: HANDSHAKE_TIMEOUT_MS,
    requestTimeout: HANDSHAKE_TIMEOUT_MS,
    connectionsCheckingInterval: HANDSHAKE_TIMEOUT_MS / 4,
  }
  const { tls } = options
  const server = tls
    ? createTlsServer({ ...timeouts, ...ofTls(tls), handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
    : createServer(timeouts)
  const log = limitedLog(options.log, options.clock)
  server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
    log.warn({ remote: socket.remoteAddress, error: error.message }, 'a TLS handshake failed'),
  )
  server.on('request', (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket', connection: 'close' })
    response.end('OCPP over WebSocket only: ws://<this host>/ocpp/{stationId}\n')
  })
  upgradeToOcpp(server, options)
  await listen(server, options)
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    port,
    url: `${tls ? 'wss' : 'ws'}://${host}:${port}/ocpp/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

/** Takes stations at a server that somebody else listens with and closes. */
export function upgradeToOcpp(server: Server, options: OcppUpgradeOptions): void {
  const log = limitedLog(options.log, options.clock)
  // Those above the bound still get their 503; a flood of them is dropped.
  server.maxConnections = 2 * options.maxConnections
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
    // Known to ws, not yet to its types.
    ...({ closeTimeout: CLOSE_TIMEOUT_MS } as object),
    handleProtocols: (offered) => chooseSubprotocol(offered, options.versions)?.name ?? false,
  })
  let open = 0

  server.on('upgrade', (request, socket: Duplex, head) => {
    open++
    socket.once('close', () => open--)
    socket.on('error', (error) => log.debug({ error: error.message }, 'socket failed in the handshake'))
    if (open > options.maxConnections) return refuse(socket, 503, 'too many connections', log, request)
    void upgrade(request, socket, head)
  })

  /** Without a subprotocol in common, the handshake is completed without one and the connection closed (OCPP-J 3.1.2; 2.x part 4, 3.2). */
  function parting(request: IncomingMessage, socket: Duplex, head: Buffer, reason: string): void {
    warnOfRefusal(log, request, reason)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => ws.terminate())
      ws.close(1002, reason)
    })
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const rawId = rawIdOf(request.url ?? '')
    const stationId = rawId === undefined ? undefined : decodeId(rawId)
    if (rawId === undefined || stationId === undefined)
      return refuse(socket, 404, 'no such path: /ocpp/{stationId} is asked for', log, request)
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    const chosen = chooseSubprotocol(offered, options.versions)
    if (!chosen) {
      const ours = options.versions.map((version) => SUBPROTOCOL[version]).join(', ')
      return parting(request, socket, head, `no common subprotocol: this controller speaks ${ours}`)
    }
    const authorization = request.headers.authorization
    const admission = await options.admit({
      stationId,
      rawId,
      remote: request.socket.remoteAddress ?? '',
      version: chosen.version,
      authorization,
      ...(options.tls ? { tls: shownTo(options.tls, request.socket) } : {}),
    })
    if (!admission.ok) return refuse(socket, admission.status, admission.reason, log, request)
    if (socket.destroyed) return
    sockets.handleUpgrade(request, socket, head, (ws) =>
      options.accept(socketOf(ws, socket, request, log), stationId, chosen.version, admission.credential),
    )
  }
}

function listen(server: Server, { host, port }: OcppServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

/** The station's order of preference decides (RFC 6455, 4.1; OCPP-J part 4, 3.1.2). */
function chooseSubprotocol(
  offered: Iterable<string>,
  versions: readonly OcppVersion[],
): { name: string; version: OcppVersion } | undefined {
  for (const name of offered) {
    const version = versionOfSubprotocol(name)
    if (version && versions.includes(version)) return { name, version }
  }
  return undefined
}

/** The path's last part as it stands in the URL; undefined when the path is none of ours. A slash too many is borne. */
function rawIdOf(url: string): string | undefined {
  const path = url.split('?', 1)[0]!
  if (!path.startsWith(PATH_PREFIX)) return undefined
  const rawId = path.slice(PATH_PREFIX.length).replace(/^\/+|\/+$/g, '')
  return rawId === '' || rawId.includes('/') ? undefined : rawId
}

function decodeId(rawId: string): string | undefined {
  try {
    return decodeURIComponent(rawId)
  } catch {
    return undefined
  }
}

const PHRASE: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

function warnOfRefusal(log: Log, request: IncomingMessage, reason: string, status?: number): void {
  const path = (request.url ?? '').slice(0, 200)
  log.warn({ path, remote: request.socket.remoteAddress, status, reason }, 'connection refused')
}

function refuse(socket: Duplex, status: number, reason: string, log: Log, request: IncomingMessage): void {
  warnOfRefusal(log, request, reason, status)
  const body = `${reason}\n`
  const lines = [
    `HTTP/1.1 ${status} ${PHRASE[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ['WWW-Authenticate: Basic realm="ocpp"'] : []),
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** Close codes by the fault that `ws` found in what the station sent; any other is a breach of the protocol (1002). */
const CODE_OF_FAULT: Record<string, number> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_INVALID_UTF8: 1007,
}

/** A text as one frame of a server (RFC 6455, 5.2): FIN, text, not masked. */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(head + length)
  frame[0] = 0x81
  frame[1] = head === 2 ? length : head === 4 ? 126 : 127
  if (head === 4) frame.writeUInt16BE(length, 2)
  if (head === 10) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.write(text, head)
  return frame
}

/**
 * A `ws` socket as the core sees it. Texts are written in one piece to the stream under it: `ws` writes a frame's head and its content
 * apart, which is a twentieth of a message's CPU more (measured). Without compression it holds nothing back, so that both may write whole frames.
 */
function socketOf(ws: WebSocket, stream: Duplex, request: IncomingMessage, log: Log): Socket {
  let onClose: ((code: number, reason: string) => void) | undefined
  const closed = (code: number, reason: string): void => {
    onClose?.(code, reason)
    onClose = undefined
  }
  ws.on('error', (error: Error & { code?: string }) => {
    log.warn({ error: error.message }, 'socket failed')
    // Told at once: a station that is cut off for what it sent may take its time to close.
    if (error.code?.startsWith('WS_ERR_')) closed(CODE_OF_FAULT[error.code] ?? 1002, error.message)
  })
  ws.on('close', (code, reason) => closed(code, reason.toString('utf8')))
  return {
    remote: request.socket.remoteAddress ?? '',
    local: request.socket.localAddress,
    send(text) {
      if (ws.readyState !== ws.OPEN) return
      stream.write(textFrame(text))
      if (ws.bufferedAmount > MAX_UNREAD_BYTES) {
        log.warn({ bytes: ws.bufferedAmount }, 'the station does not read: its socket is cut')
        ws.terminate()
      }
    },
    close: (code, reason) => ws.close(code, reason),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    ping: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    // Some stations send their text in binary frames.
    onText: (handler) => void ws.on('message', (data) => handler((data as Buffer).toString('utf8'))),
    onPong: (handler) => void ws.on('pong', handler),
    onClose: (handler) => {
      onClose = handler
    },
  }
}
