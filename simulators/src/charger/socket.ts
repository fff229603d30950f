/** The network as the station sees it: one WebSocket to its central system. */
import { WebSocket } from 'ws'

/** Largest frame that is taken; a longer one closes the connection (1009). */
const FRAME_MAX_BYTES = 1024 * 1024
/** From opening the TCP connection to the end of the WebSocket handshake. */
const HANDSHAKE_TIMEOUT_MS = 15_000

export interface SocketTarget {
  /** With the station's identity as last part of the path. */
  url: string
  /** Subprotocol that must be agreed on. */
  protocol: string
  /** Value of the Authorization header. */
  authorization?: string
}

export interface SocketEvents {
  onOpen(): void
  onText(text: string): void
  onPong(): void
  /** Once, whatever ended it; also when it never opened. `code` is 1006 where there was no close frame. */
  onClose(code: number, reason: string): void
}

export interface ChargerSocket {
  send(text: string): void
  ping(): void
  close(code: number, reason: string): void
  /** Without a close frame, as a station that loses power does. */
  terminate(): void
}

/** Opens a socket; failures come as `onClose`, never as a throw. */
export type SocketFactory = (target: SocketTarget, events: SocketEvents) => ChargerSocket

/** Real WebSockets. */
export const webSocketFactory: SocketFactory = (target, events) => {
  const socket = new WebSocket(target.url, [target.protocol], {
    headers: target.authorization === undefined ? {} : { authorization: target.authorization },
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    maxPayload: FRAME_MAX_BYTES,
    perMessageDeflate: false,
  })
  let failure = ''
  socket.on('open', () => events.onOpen())
  socket.on('message', (data, isBinary) => {
    if (isBinary) socket.close(1003, 'OCPP is text')
    else events.onText(data.toString())
  })
  socket.on('pong', () => events.onPong())
  socket.on('error', (error) => {
    failure = error.message
  })
  socket.on('close', (code, reason) => events.onClose(code, reason.toString() || failure))
  return {
    send: (text) => socket.send(text, () => {}),
    ping: () => {
      if (socket.readyState === WebSocket.OPEN) socket.ping(undefined, true, () => {})
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  }
}
