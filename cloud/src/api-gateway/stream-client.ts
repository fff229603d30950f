/** One client of the stream: what it was told, and a bounded buffer towards it. */
import type { StreamFact, StreamLive } from '@switchyard/protocol/api/shapes.ts'
import type { TailEntry } from '../platform/event-log/tail.ts'
import type { Principal } from './queries.ts'
import { encodeStreamId, type Vector } from './stream-id.ts'

/** Bytes that may wait for a slow client; one that is slower is closed, and resumes by its last id. */
export const MAX_WAITING_BYTES = 512 * 1024
/** While a client is told what it missed, this much of the buffer is left to what cannot wait. */
const ROOM_BYTES = MAX_WAITING_BYTES / 2
/** Facts that may arrive while a client is still being told what it missed. */
const MAX_HELD = 10_000
/** Sites of which a newer picture may arrive meanwhile; the oldest go first, and come again with their next picture. */
const MAX_HELD_PICTURES = 500
/** How soon a browser comes back after the stream broke. */
const RETRY_MS = 2_000

export class StreamClient {
  /** On whose behalf: the stream ends with its credential. */
  readonly principal: Principal
  readonly body: ReadableStream<Uint8Array>
  readonly #generation: string
  readonly #vector: Vector
  readonly #encoder = new TextEncoder()
  readonly #onClosed: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** While the client is told what it missed, what is new waits here; undefined afterwards. */
  #held: { facts: TailEntry[]; pictures: Map<string, string> } | undefined = {
    facts: [],
    pictures: new Map(),
  }
  #roomMade: (() => void) | undefined

  constructor(principal: Principal, generation: string, vector: Vector, onClosed: () => void) {
    this.principal = principal
    this.#generation = generation
    this.#vector = [...vector]
    this.#onClosed = onClosed
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#roomMade?.(),
        cancel: () => this.close(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    )
    this.#send(`retry: ${RETRY_MS}\n\n`)
  }

  get closed(): boolean {
    return this.#controller === undefined
  }

  /** A fact that was just told to everybody. */
  offer(entry: TailEntry): void {
    if (this.#held) {
      this.#held.facts.push(entry)
      if (this.#held.facts.length > MAX_HELD) this.close()
    } else {
      this.#fact(entry)
    }
  }

  /** A picture of a site that was just told to everybody, as JSON. */
  offerLive(siteId: string, picture: string): void {
    if (!this.#held) {
      this.#live(picture)
      return
    }
    const { pictures } = this.#held
    pictures.delete(siteId)
    pictures.set(siteId, picture)
    for (const oldest of pictures.keys()) {
      if (pictures.size <= MAX_HELD_PICTURES) break
      pictures.delete(oldest)
    }
  }

  /** Part of the snapshot at the beginning; resolves when there is room for more. */
  async tellLive(picture: StreamLive): Promise<void> {
    this.#live(JSON.stringify(picture))
    await this.#room()
  }

  /** One of the facts that the client missed; resolves when there is room for more. */
  async tellMissed(entry: TailEntry): Promise<void> {
    this.#fact(entry)
    await this.#room()
  }

  /** What was missed has been told: from here on everything passes straight through. */
  caughtUp(): void {
    const held = this.#held
    this.#held = undefined
    for (const picture of held?.pictures.values() ?? []) this.#live(picture)
    for (const entry of held?.facts ?? []) this.#fact(entry)
    this.keepAlive()
  }

  /** Everything up to `vector` counts as told; the client reads its lists again. */
  reset(vector: Vector): void {
    for (const [i, position] of vector.entries()) this.#vector[i] = Math.max(this.#vector[i]!, position)
    this.#send(`id: ${this.#id()}\nevent: reset\ndata: {}\n\n`)
  }

  /** Keeps proxies from closing a quiet stream, and moves the id on past what was not for this client. */
  keepAlive(): void {
    this.#send(`: still here\nid: ${this.#id()}\n\n`)
  }

  close(): void {
    const controller = this.#controller
    if (!controller) return
    this.#controller = undefined
    this.#held = { facts: [], pictures: new Map() }
    this.#roomMade?.()
    this.#onClosed()
    try {
      controller.close()
    } catch {
      // the other side closed first
    }
  }

  #fact(entry: TailEntry): void {
    if (entry.position <= this.#vector[entry.partition]!) return
    this.#vector[entry.partition] = entry.position
    if (entry.tenantId !== this.principal.tenantId) return
    const fact: StreamFact = {
      kind: entry.kind,
      siteId: entry.siteId,
      stationId: entry.stationId,
      sessionId: entry.sessionId,
      stream: entry.stream,
      seq: entry.seq,
      receivedAt: entry.receivedAt.toISOString(),
    }
    this.#send(`id: ${this.#id()}\nevent: fact\ndata: ${JSON.stringify(fact)}\n\n`)
  }

  #live(picture: string): void {
    this.#send(`event: live\ndata: ${picture}\n\n`)
  }

  #id(): string {
    return encodeStreamId(this.#generation, this.#vector)
  }

  /** Until the client has read enough, or is gone. */
  async #room(): Promise<void> {
    while (this.#controller && (this.#controller.desiredSize ?? 0) < ROOM_BYTES)
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve
      })
    this.#roomMade = undefined
  }

  #send(text: string): void {
    const controller = this.#controller
    if (!controller) return
    controller.enqueue(this.#encoder.encode(text))
    if ((controller.desiredSize ?? 0) <= 0) this.close()
  }
}
