/** All clients of the stream in this process: told of facts by the tail and of live pictures by the bus. */
import { page, type StreamLive, site } from '@switchyard/protocol/api/shapes.ts'
import type { Logger } from 'pino'
import { BUS, type Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { LOG_PARTITIONS } from '../platform/event-log/entry.ts'
import { readTail } from '../platform/event-log/tail.ts'
import { ProblemError } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import { StreamClient } from './stream-client.ts'
import { decodeStreamId } from './stream-id.ts'
import { StreamTail, UNTOLD_KINDS } from './stream-tail.ts'

/** Most facts that a client is told again when it resumes; more, and it is told to read everything. */
const MAX_RESUMED = 5_000
/** Most positions of the log that are looked through for them. */
const MAX_RESUMED_POSITIONS = 50_000
const KEEP_ALIVE_MS = 15_000
/** Most clients of one process. */
const MAX_CLIENTS = 2_000
/** Most sites whose pictures a client is sent when it comes: one page of the list. */
const MAX_SNAPSHOT_SITES = 500

export class StreamHub {
  readonly #context: ServiceContext
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #log: Logger
  readonly #tail: StreamTail
  readonly #clients = new Map<string, Set<StreamClient>>()
  readonly #listening = new Map<string, () => void>()
  #count = 0
  #cancelKeepAlive: (() => void) | undefined

  constructor(context: ServiceContext) {
    this.#context = context
    this.#bus = context.bus
    this.#clock = context.clock
    this.#log = context.log
    this.#tail = new StreamTail(context, (entry) => {
      for (const clients of this.#clients.values()) for (const client of clients) client.offer(entry)
    })
  }

  async start(): Promise<void> {
    await this.#tail.start()
    this.#keepAlive()
  }

  async stop(): Promise<void> {
    this.#cancelKeepAlive?.()
    for (const clients of this.#clients.values()) for (const client of [...clients]) client.close()
    await this.#tail.stop()
  }

  get size(): number {
    return this.#count
  }

  /** A new client: first the pictures of its sites, then the facts after `lastEventId`, then what happens. */
  async open(tenantId: string, lastEventId: string | undefined): Promise<StreamClient> {
    if (this.#count >= MAX_CLIENTS) throw new ProblemError(503, `There are ${MAX_CLIENTS} streams already`)
    const pictures = await this.#pictures(tenantId)
    const { generation } = this.#context.eventLog
    const now = this.#tail.vector
    const asked = lastEventId === undefined ? now : decodeStreamId(generation, lastEventId)
    const ahead = asked?.some((position, i) => position > now[i]!) ?? true
    const missed = asked && !ahead ? now.reduce((sum, position, i) => sum + position - asked[i]!, 0) : 0
    const resumes = asked !== undefined && !ahead && missed <= MAX_RESUMED_POSITIONS
    const client = new StreamClient(tenantId, generation, resumes ? asked : now, () => this.#remove(client))
    this.#add(client)
    for (const picture of pictures) client.live(picture)
    if (resumes) await this.#tellMissed(client, asked, now)
    else client.reset()
    client.caughtUp()
    client.keepAlive()
    return client
  }

  async #tellMissed(client: StreamClient, asked: readonly number[], now: readonly number[]): Promise<void> {
    const { sql } = this.#context
    let room = MAX_RESUMED
    for (let partition = 0; partition < LOG_PARTITIONS; partition++) {
      if (now[partition]! <= asked[partition]!) continue
      const entries = await readTail(
        sql,
        partition,
        asked[partition]!,
        now[partition]!,
        room + 1,
        UNTOLD_KINDS,
      )
      room -= entries.length
      if (room < 0) return client.reset()
      for (const entry of entries) client.fact(entry)
    }
  }

  /** The last picture of every site of the tenant that is heard from. */
  async #pictures(tenantId: string): Promise<StreamLive[]> {
    const sites = await this.#context
      .client('station-service')
      .read(`/v1/sites?limit=${MAX_SNAPSHOT_SITES}`, { tenantId }, page(site))
    const pictures = await this.#bus.getMany(sites.items.map((it) => BUS.livePicture(it.siteId)))
    return pictures.filter((it) => it !== undefined && it !== null) as StreamLive[]
  }

  #add(client: StreamClient): void {
    const { tenantId } = client
    const clients = this.#clients.get(tenantId) ?? new Set()
    this.#clients.set(tenantId, clients.add(client))
    this.#count++
    if (this.#listening.has(tenantId)) return
    const stopListening = this.#bus.subscribe(BUS.live(tenantId), (picture) => {
      for (const each of this.#clients.get(tenantId) ?? []) each.live(picture)
    })
    this.#listening.set(tenantId, stopListening)
  }

  #remove(client: StreamClient): void {
    const clients = this.#clients.get(client.tenantId)
    if (!clients?.delete(client)) return
    this.#count--
    if (clients.size > 0) return
    this.#clients.delete(client.tenantId)
    this.#listening.get(client.tenantId)?.()
    this.#listening.delete(client.tenantId)
  }

  #keepAlive(): void {
    this.#cancelKeepAlive = this.#clock.after(KEEP_ALIVE_MS, () => {
      for (const clients of this.#clients.values()) for (const client of [...clients]) client.keepAlive()
      this.#log.debug({ clients: this.#count }, 'streams kept alive')
      this.#keepAlive()
    })
  }
}
