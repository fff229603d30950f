/**
 * A TCP proxy on loopback that does to a link what networks do: cuts it, blacks it out, delays it, narrows it, breaks it
 * in the middle of a message. With several targets it also spreads connections over them. For tests of what stands on
 * either side of it.
 */
import { connect, createServer, type Socket } from 'node:net'
import { type Clock, systemClock } from '../clock.ts'

/** Bytes that one direction of one connection holds while it delays or narrows; past it the sender is paused. */
export const BUFFER_MAX_BYTES = 1024 * 1024
/** Connections at once; one more is refused by closing it. */
export const CONNECTIONS_MAX = 1_000
/** A narrowed link lets bytes through in so many portions a second. */
const PORTIONS_PER_SECOND = 20

export interface Target {
  host: string
  port: number
}

export interface TcpProxyOptions {
  /** Several are taken in turn; one that refuses is passed over for the next. */
  target: Target | readonly Target[]
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
  /** From now on every connection is reset once so many more bytes have passed in one direction: in mid-message. */
  resetAfter(bytes: number): void
  /**
   * The connections of now are dead and nobody is told, as when a router forgets them: what is sent is lost, their ends do
   * not pass. New ones work, and `heal` brings none of the old ones back.
   */
  strand(): void
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
  resetAfterBytes: number
}

function noFaults(): Faults {
  return {
    refused: false,
    blackHole: { up: false, down: false },
    delayMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    resetAfterBytes: Number.POSITIVE_INFINITY,
  }
}

interface Pair {
  client: Socket
  upstream: Socket
  lanes: readonly [Lane, Lane]
  stranded: boolean
}

/** Starts the proxy; `up` is from the client to the target. Rejects when the port is taken. */
export async function createTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const { clock = systemClock } = options
  const targets = Array.isArray(options.target) ? (options.target as Target[]) : [options.target as Target]
  const host = '127.0.0.1'
  let faults = noFaults()
  let turn = 0
  const pairs = new Set<Pair>()
  /** Clients for whom a target is being looked for. */
  const dialling = new Set<Socket>()

  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => {})
    if (faults.refused || pairs.size + dialling.size >= CONNECTIONS_MAX) {
      client.resetAndDestroy()
      return
    }
    dial(client, turn++, targets.length)
  })

  /** Connects to the target whose turn it is, and to the others where that one refuses. */
  function dial(client: Socket, at: number, tries: number): void {
    dialling.add(client)
    const upstream = connect({ ...(targets[at % targets.length] as Target), allowHalfOpen: true })
    upstream.once('error', () => {
      if (!dialling.delete(client)) return
      if (tries > 1 && !client.destroyed) dial(client, at + 1, tries - 1)
      else client.resetAndDestroy()
    })
    upstream.once('connect', () => {
      dialling.delete(client)
      if (client.destroyed) upstream.resetAndDestroy()
      else join(client, upstream)
    })
  }

  function join(client: Socket, upstream: Socket): void {
    const reset = () => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    const lane = (from: Socket, to: Socket, direction: Direction) =>
      new Lane({ from, to, direction, faults: () => faults, clock, reset })
    const pair: Pair = {
      client,
      upstream,
      lanes: [lane(client, upstream, 'up'), lane(upstream, client, 'down')],
      stranded: false,
    }
    pairs.add(pair)
    const end = (socket: Socket, other: Socket) => {
      socket.on('error', () => {
        if (!pair.stranded) other.resetAndDestroy()
      })
      socket.on('close', () => {
        // Both sides' ends have passed, or one side was destroyed: the other is of no use any more.
        if (!pair.stranded && (!socket.readableEnded || socket.errored)) other.destroy()
        if (client.destroyed && upstream.destroyed) {
          for (const it of pair.lanes) it.stop()
          pairs.delete(pair)
        }
      })
    }
    end(client, upstream)
    end(upstream, client)
  }

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
    for (const client of [...dialling]) client.resetAndDestroy()
    for (const { client, upstream } of [...pairs]) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
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
    resetAfter(bytes) {
      faults.resetAfterBytes = bytes
      for (const { lanes } of pairs) for (const lane of lanes) lane.countFromHere()
    },
    strand() {
      for (const pair of pairs) {
        pair.stranded = true
        for (const lane of pair.lanes) lane.strand()
      }
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

interface LaneOptions {
  from: Socket
  to: Socket
  direction: Direction
  faults: () => Faults
  clock: Clock
  /** Resets the whole connection. */
  reset: () => void
}

/** One direction of one connection: what has arrived waits here until it may pass on. */
class Lane {
  readonly #options: LaneOptions
  readonly #waiting: { bytes: Buffer; arrivedMs: number }[] = []
  #waitingBytes = 0
  #passedBytes = 0
  #ended = false
  #blocked = false
  #stranded = false
  #cancel: (() => void) | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    const { from, to, clock } = options
    from.on('data', (bytes: Buffer) => {
      if (this.#stranded) return
      this.#waiting.push({ bytes, arrivedMs: clock.mono() })
      this.#waitingBytes += bytes.length
      if (this.#waitingBytes >= BUFFER_MAX_BYTES) from.pause()
      this.#pass()
    })
    from.on('end', () => {
      this.#ended = true
      // Nobody is told on the other side; this one is done with.
      if (this.#stranded) from.destroy()
      else this.#pass()
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

  /** Bytes that passed before do not count towards a reset. */
  countFromHere(): void {
    this.#passedBytes = 0
  }

  /** Nothing passes any more; what comes is lost. */
  strand(): void {
    this.stop()
    this.#stranded = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#options.from.resume()
  }

  #pass(): void {
    const { from, to, direction, clock, reset } = this.#options
    if (this.#cancel || this.#blocked || this.#stranded || to.destroyed) return
    const { blackHole, delayMs, bytesPerSecond, resetAfterBytes } = this.#options.faults()
    if (blackHole[direction]) return
    const portion = Number.isFinite(bytesPerSecond)
      ? Math.max(1, Math.floor(bytesPerSecond / PORTIONS_PER_SECOND))
      : Number.POSITIVE_INFINITY
    for (let head = this.#waiting[0]; head; head = this.#waiting[0]) {
      const dueInMs = head.arrivedMs + delayMs - clock.mono()
      if (dueInMs > 0) {
        this.#passIn(dueInMs)
        return
      }
      const untilReset = resetAfterBytes - this.#passedBytes
      if (untilReset <= 0) {
        reset()
        return
      }
      const bytes = head.bytes.subarray(0, Math.min(portion, untilReset))
      if (bytes.length === head.bytes.length) this.#waiting.shift()
      else head.bytes = head.bytes.subarray(bytes.length)
      this.#waitingBytes -= bytes.length
      this.#passedBytes += bytes.length
      if (this.#waitingBytes < BUFFER_MAX_BYTES && from.isPaused()) from.resume()
      if (!to.write(bytes)) {
        this.#blocked = true
        return
      }
      if (Number.isFinite(bytesPerSecond)) {
        this.#passIn((bytes.length * 1000) / bytesPerSecond)
        return
      }
    }
    if (this.#ended) to.end()
  }

  #passIn(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined
      this.#pass()
    })
  }
}
