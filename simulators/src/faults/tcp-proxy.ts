/**
 * A TCP proxy on loopback that does to a link what networks do: cuts it, blacks it out, delays it, narrows it.
 * For tests of what stands on either side of it.
 */
import { connect, createServer, type Socket } from 'node:net'
import { type Clock, systemClock } from '../clock.ts'

/** Bytes that one direction of one connection holds while it delays or narrows; past it the sender is paused. */
export const BUFFER_MAX_BYTES = 1024 * 1024
/** Connections at once; one more is refused by closing it. */
export const CONNECTIONS_MAX = 1_000
/** A narrowed link lets bytes through in so many portions a second. */
const PORTIONS_PER_SECOND = 20

export interface TcpProxyOptions {
  target: { host: string; port: number }
  /** Port on 127.0.0.1 to listen on; 0, the default, takes a free one. */
  port?: number
  clock?: Clock
}

export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** Connections through it now. */
  connections(): number
  /** Closes every connection (with a reset, as a dead link shows itself) and refuses new ones until `heal`. */
  cut(): void
  /**
   * Half-open: connections stay, new ones are taken, and nothing passes in the named direction (both by default). What
   * is sent meanwhile waits in the buffers and passes after `heal`, as TCP would retransmit it.
   */
  blackHole(direction?: 'both' | 'up' | 'down'): void
  /** From now on bytes arrive so much later, in order. */
  delay(delayMs: number): void
  /** From now on at most so many bytes a second pass, per direction of a connection. */
  throttle(bytesPerSecond: number): void
  /** No more faults: takes connections, passes what waits, without delay. */
  heal(): void
  /** Resets every connection and stays open to new ones. */
  dropConnections(): void
  close(): Promise<void>
}

type Direction = 'up' | 'down'

interface Faults {
  refused: boolean
  blackHole: Record<Direction, boolean>
  delayMs: number
  bytesPerSecond: number
}

function noFaults(): Faults {
  return {
    refused: false,
    blackHole: { up: false, down: false },
    delayMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  }
}

/** Starts the proxy; `up` is from the client to the target. Rejects when the port is taken. */
export async function createTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const { target, clock = systemClock } = options
  const host = '127.0.0.1'
  let faults = noFaults()
  const pairs = new Set<{ sockets: [Socket, Socket]; lanes: [Lane, Lane] }>()

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refused || pairs.size >= CONNECTIONS_MAX) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ ...target, allowHalfOpen: true })
    const pair = {
      sockets: [client, upstream] as [Socket, Socket],
      lanes: [
        new Lane(client, upstream, 'up', () => faults, clock),
        new Lane(upstream, client, 'down', () => faults, clock),
      ] as [Lane, Lane],
    }
    pairs.add(pair)
    const end = (socket: Socket, other: Socket) => {
      socket.on('error', () => other.resetAndDestroy())
      socket.on('close', () => {
        // Both sides' ends have passed, or one side was destroyed: the other is of no use any more.
        if (!socket.readableEnded || socket.errored) other.destroy()
        if (client.destroyed && upstream.destroyed) {
          for (const lane of pair.lanes) lane.stop()
          pairs.delete(pair)
        }
      })
    }
    end(client, upstream)
    end(upstream, client)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no TCP port')

  const wake = () => {
    for (const pair of pairs) for (const lane of pair.lanes) lane.wake()
  }
  const dropConnections = () => {
    for (const { sockets } of [...pairs]) for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    host,
    port: address.port,
    connections: () => pairs.size,
    cut() {
      faults.refused = true
      dropConnections()
    },
    blackHole(direction = 'both') {
      faults.blackHole = { up: direction !== 'down', down: direction !== 'up' }
    },
    delay(delayMs) {
      faults.delayMs = delayMs
    },
    throttle(bytesPerSecond) {
      faults.bytesPerSecond = bytesPerSecond
    },
    heal() {
      faults = noFaults()
      wake()
    },
    dropConnections,
    close() {
      dropConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** One direction of one connection: what has arrived waits here until it may pass on. */
class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #direction: Direction
  readonly #faults: () => Faults
  readonly #clock: Clock
  readonly #waiting: { bytes: Buffer; arrivedMs: number }[] = []
  #waitingBytes = 0
  #ended = false
  #blocked = false
  #cancel: (() => void) | undefined

  constructor(from: Socket, to: Socket, direction: Direction, faults: () => Faults, clock: Clock) {
    this.#from = from
    this.#to = to
    this.#direction = direction
    this.#faults = faults
    this.#clock = clock
    from.on('data', (bytes: Buffer) => {
      this.#waiting.push({ bytes, arrivedMs: clock.mono() })
      this.#waitingBytes += bytes.length
      if (this.#waitingBytes >= BUFFER_MAX_BYTES) from.pause()
      this.#pass()
    })
    from.on('end', () => {
      this.#ended = true
      this.#pass()
    })
    to.on('drain', () => {
      this.#blocked = false
      this.#pass()
    })
  }

  /** Looks again at what may pass: the faults have changed. */
  wake(): void {
    this.stop()
    this.#pass()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #pass(): void {
    if (this.#cancel || this.#blocked || this.#to.destroyed) return
    const { blackHole, delayMs, bytesPerSecond } = this.#faults()
    if (blackHole[this.#direction]) return
    const portion = Number.isFinite(bytesPerSecond)
      ? Math.max(1, Math.floor(bytesPerSecond / PORTIONS_PER_SECOND))
      : Number.POSITIVE_INFINITY
    for (let head = this.#waiting[0]; head; head = this.#waiting[0]) {
      const dueInMs = head.arrivedMs + delayMs - this.#clock.mono()
      if (dueInMs > 0) {
        this.#passIn(dueInMs)
        return
      }
      const bytes = head.bytes.subarray(0, portion)
      if (bytes.length === head.bytes.length) this.#waiting.shift()
      else head.bytes = head.bytes.subarray(bytes.length)
      this.#waitingBytes -= bytes.length
      if (this.#waitingBytes < BUFFER_MAX_BYTES && this.#from.isPaused()) this.#from.resume()
      if (!this.#to.write(bytes)) {
        this.#blocked = true
        return
      }
      if (Number.isFinite(bytesPerSecond)) {
        this.#passIn((bytes.length * 1000) / bytesPerSecond)
        return
      }
    }
    if (this.#ended) this.#to.end()
  }

  #passIn(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined
      this.#pass()
    })
  }
}
