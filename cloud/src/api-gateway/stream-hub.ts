/** All clients of the stream in this process: told of facts by the tail and of live pictures by the bus. */
import { page, type StreamLive, site } from '@switchyard/protocol/api/shapes.ts'
import type { Logger } from 'pino'
import { BUS, type Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { LOG_PARTITIONS } from '../platform/event-log/entry.ts'
import { readTail } from '../platform/event-log/tail.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { credentialsInForce, type Principal } from './queries.ts'
import { StreamClient } from './stream-client.ts'
import { decodeStreamId, type Vector } from './stream-id.ts'
import { StreamTail, UNTOLD_KINDS } from './stream-tail.ts'

/** Most facts that a client is told again when it resumes; more, and it is told to read everything. */
const MAX_RESUMED = 5_000
/** Most positions of the log that are looked through for them. */
const MAX_RESUMED_POSITIONS = 50_000
/** How often a client hears something, and how long a stream can outlive its key or sign-in. */
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
  #keptAlive: Promise<void> | undefined
  #stopped = false

  constructor(context: ServiceContext) {
    this.#context = context
    this.#bus = context.bus
    this.#clock = context.clock
    this.#log = context.log
    this.#tail = new StreamTail(
      context,
      (entry) => {
        for (const clients of this.#clients.values()) for (const client of clients) client.offer(entry)
      },
      () => this.#clients.size > 0,
    )
  }

  async start(): Promise<void> {
    await this.#tail.start()
    this.#keepAlive()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelKeepAlive?.()
    for (const client of this.#all()) client.close()
    await Promise.all([this.#tail.stop(), this.#keptAlive])
  }

  get size(): number {
    return this.#count
  }

  /**
   * A new client: first the pictures of its sites, then the facts after `lastEventId`, then what happens. It is told as fast as it
   * reads; what happens meanwhile waits.
   */
  async open(principal: Principal, lastEventId: string | undefined): Promise<StreamClient> {
    if (this.#count >= MAX_CLIENTS) throw new ProblemError(503, `There are ${MAX_CLIENTS} streams already`)
    const pictures = await this.#pictures(principal.tenantId)
    const { generation } = this.#context.eventLog
    const now = this.#tail.vector
    const asked = lastEventId === undefined ? now : decodeStreamId(generation, lastEventId)
    const ahead = asked?.some((position, i) => position > now[i]!) ?? true
    const missed = asked && !ahead ? now.reduce((sum, position, i) => sum + position - asked[i]!, 0) : 0
    const resumes = asked !== undefined && !ahead && missed <= MAX_RESUMED_POSITIONS
    const client = new StreamClient(principal, generation, resumes ? asked : now, () => this.#remove(client))
    this.#add(client)
    this.#begin(client, pictures, resumes ? asked : undefined, now).catch((error: unknown) => {
      this.#log.warn(faultOf(error), 'a stream could not begin; its client comes again')
      client.close()
    })
    return client
  }

  async #begin(
    client: StreamClient,
    pictures: readonly StreamLive[],
    asked: Vector | undefined,
    now: Vector,
  ): Promise<void> {
    for (const picture of pictures) await client.tellLive(picture)
    if (asked) await this.#tellMissed(client, asked, now)
    else client.reset(now)
    client.caughtUp()
  }

  async #tellMissed(client: StreamClient, asked: Vector, now: Vector): Promise<void> {
    const { sql } = this.#context
    let room = MAX_RESUMED
    for (let partition = 0; partition < LOG_PARTITIONS && !client.closed; partition++) {
      const [after, upTo] = [asked[partition]!, now[partition]!]
      if (upTo <= after) continue
      const entries = await readTail(sql, partition, after, upTo, room + 1, UNTOLD_KINDS)
      room -= entries.length
      if (room < 0) return client.reset(now)
      for (const entry of entries) await client.tellMissed(entry)
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
    const { tenantId } = client.principal
    const clients = this.#clients.get(tenantId) ?? new Set()
    this.#clients.set(tenantId, clients.add(client))
    this.#count++
    if (this.#listening.has(tenantId)) return
    const stopListening = this.#bus.subscribe(BUS.live(tenantId), (picture) => {
      const { siteId } = picture as StreamLive
      const text = JSON.stringify(picture)
      for (const each of this.#clients.get(tenantId) ?? []) each.offerLive(siteId, text)
    })
    this.#listening.set(tenantId, stopListening)
  }

  #remove(client: StreamClient): void {
    const { tenantId } = client.principal
    const clients = this.#clients.get(tenantId)
    if (!clients?.delete(client)) return
    this.#count--
    if (clients.size > 0) return
    this.#clients.delete(tenantId)
    this.#listening.get(tenantId)?.()
    this.#listening.delete(tenantId)
  }

  #keepAlive(): void {
    this.#cancelKeepAlive = this.#clock.after(KEEP_ALIVE_MS, () => {
      this.#keptAlive = this.#endRevoked()
        .catch((error: unknown) => this.#log.warn(faultOf(error), 'streams could not be checked'))
        .finally(() => {
          if (this.#stopped) return
          for (const client of this.#all()) client.keepAlive()
          this.#keepAlive()
        })
    })
  }

  /** A key that was revoked, a sign-in that is over: their streams end too. */
  async #endRevoked(): Promise<void> {
    const clients = this.#all()
    if (clients.length === 0) return
    const inForce = await credentialsInForce(
      this.#context.sql,
      clients.map((it) => it.principal.credential),
      new Date(this.#clock.now()),
    )
    for (const client of clients) if (!inForce.has(client.principal.credential)) client.close()
  }

  #all(): StreamClient[] {
    return [...this.#clients.values()].flatMap((it) => [...it])
  }
}
