/** One client of the stream: what it was told, and a bounded buffer towards it. */
import type { StreamFact } from '@switchyard/protocol/api/shapes.ts'
import type { TailEntry } from '../platform/event-log/tail.ts'
import { encodeStreamId, type Vector } from './stream-id.ts'

/** Bytes that may wait for a slow client; one that is slower is closed, and resumes by its last id. */
const MAX_WAITING_BYTES = 512 * 1024
/** Facts that may arrive while a client is still being told what it missed. */
const MAX_HELD = 10_000

export class StreamClient {
  readonly tenantId: string
  readonly body: ReadableStream<Uint8Array>
  readonly #generation: string
  readonly #vector: Vector
  readonly #encoder = new TextEncoder()
  readonly #onClosed: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** While the client is told what it missed, new facts wait here; undefined afterwards. */
  #held: TailEntry[] | undefined = []

  constructor(tenantId: string, generation: string, vector: Vector, onClosed: () => void) {
    this.tenantId = tenantId
    this.#generation = generation
    this.#vector = [...vector]
    this.#onClosed = onClosed
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        cancel: () => this.close(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    )
  }

  /** A fact that was just told to everybody. */
  offer(entry: TailEntry): void {
    if (this.#held) {
      this.#held.push(entry)
      if (this.#held.length > MAX_HELD) this.close()
    } else {
      this.fact(entry)
    }
  }

  /** What was missed has been told: from here on facts pass straight through. */
  caughtUp(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const entry of held) this.fact(entry)
  }

  fact(entry: TailEntry): void {
    if (entry.position <= this.#vector[entry.partition]!) return
    this.#vector[entry.partition] = entry.position
    if (entry.tenantId !== this.tenantId) return
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

  live(picture: unknown): void {
    this.#send(`event: live\ndata: ${JSON.stringify(picture)}\n\n`)
  }

  /** Everything up to the vector counts as told; the client reads its lists again. */
  reset(): void {
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
    this.#held = []
    this.#onClosed()
    try {
      controller.close()
    } catch {
      // the other side closed first
    }
  }

  #id(): string {
    return encodeStreamId(this.#generation, this.#vector)
  }

  #send(text: string): void {
    const controller = this.#controller
    if (!controller) return
    controller.enqueue(this.#encoder.encode(text))
    if ((controller.desiredSize ?? 0) <= 0) this.close()
  }
}
