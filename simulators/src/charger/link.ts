/** Keeps the station connected: opens, pings, notices silence, and comes back with growing pauses. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { SUBPROTOCOL } from '@switchyard/protocol/ocpp/version.ts'
import type { Clock } from '../clock.ts'
import type { Random } from '../random.ts'
import { CallFailed, Rpc, type RpcOptions } from './rpc.ts'
import type { ChargerSocket, SocketFactory } from './socket.ts'

/** Pause before the first try to come back; it doubles with each further one. */
export const RECONNECT_FIRST_MS = 1_000
/** Longest pause between two tries. */
export const RECONNECT_LONGEST_MS = 60_000

export interface LinkOptions extends Pick<RpcOptions, 'validators' | 'handle' | 'onFault'> {
  /** Central system's address, without the station's identity. */
  url: string
  id: string
  password?: string
  clock: Clock
  random: Random
  callTimeoutMs: number
  socketFactory: SocketFactory
  reconnectFirstMs: number
  reconnectLongestMs: number
  /** Seconds between two pings; 0: none. Asked for before each. */
  pingIntervalS: () => number
  onConnected: () => void
  onDisconnected: (reason: string) => void
  onFrame: (direction: 'in' | 'out', text: string) => void
}

export class Link {
  readonly #options: LinkOptions
  #socket: ChargerSocket | undefined
  #rpc: Rpc | undefined
  #wanted = false
  #failures = 0
  #cancelRetry: (() => void) | undefined
  #cancelPing: (() => void) | undefined

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#rpc !== undefined
  }

  /** Connects, and stays connected. */
  open(): void {
    this.#wanted = true
    if (!this.#socket && !this.#cancelRetry) this.#connect()
  }

  /** Ends the connection and stays away; `abruptly` without a close frame. */
  close(abruptly: boolean): void {
    this.#wanted = false
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    if (abruptly) this.#socket?.terminate()
    else this.#socket?.close(1000, 'station closes')
  }

  /** Ends the connection and comes back: it is of no use as it is. */
  restart(): void {
    this.#socket?.terminate()
  }

  /** Rejects with CallFailed; at once while not connected. */
  call(action: string, payload: object): Promise<JsonObject> {
    return this.#rpc?.call(action, payload) ?? Promise.reject(new CallFailed('lost', 'not connected'))
  }

  #connect(): void {
    const { url, id, password, validators, clock, random, callTimeoutMs, handle, onFault, onFrame } =
      this.#options
    const target = {
      url: `${url.replace(/\/+$/, '')}/${encodeURIComponent(id)}`,
      protocol: SUBPROTOCOL[validators.version],
      ...(password === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` }),
    }
    let rpc: Rpc | undefined
    const socket = this.#options.socketFactory(target, {
      onOpen: () => {
        this.#failures = 0
        rpc = new Rpc({
          validators,
          clock,
          callTimeoutMs,
          newId: () => random.uuid(),
          send: (text) => {
            onFrame('out', text)
            socket.send(text)
          },
          handle,
          onFault,
        })
        this.#rpc = rpc
        this.#ping(socket, true)
        this.#options.onConnected()
      },
      onText: (text) => {
        onFrame('in', text)
        rpc?.receive(text)
      },
      onPong: () => {
        this.#pongSeen = true
      },
      onClose: (code, reason) => {
        this.#socket = undefined
        this.#rpc = undefined
        this.#cancelPing?.()
        rpc?.close()
        this.#options.onDisconnected(`${code}${reason === '' ? '' : ` ${reason}`}`)
        if (this.#wanted) this.#retryLater()
      },
    })
    this.#socket = socket
  }

  #pongSeen = true

  /** A ping that is not answered before the next one is due means that the other side is gone (a half-open connection). */
  #ping(socket: ChargerSocket, first: boolean): void {
    if (!first && !this.#pongSeen) {
      socket.terminate()
      return
    }
    const everyS = this.#options.pingIntervalS()
    this.#pongSeen = true
    if (!first && everyS > 0) {
      this.#pongSeen = false
      socket.ping()
    }
    // Without pings it looks again now and then whether they have been asked for.
    this.#cancelPing = this.#options.clock.after((everyS || 60) * 1000, () => this.#ping(socket, false))
  }

  #retryLater(): void {
    const { reconnectFirstMs, reconnectLongestMs, random, clock } = this.#options
    const ceilingMs = Math.min(reconnectLongestMs, reconnectFirstMs * 2 ** Math.min(this.#failures, 20))
    this.#failures++
    // Between half of the pause and all of it: stations that were cut off together do not come back together.
    const pauseMs = Math.round(ceilingMs * (0.5 + random.fraction() / 2))
    this.#cancelRetry = clock.after(pauseMs, () => {
      this.#cancelRetry = undefined
      this.#connect()
    })
  }
}
