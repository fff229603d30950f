/**
 * Follows the log for all clients of this process. An entry is told once the `station` consumer has passed it, so that whoever reads
 * after being told finds it (docs/decisions/0003).
 */
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { BUS, type Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { progressOf, readTail, type TailEntry } from '../platform/event-log/tail.ts'
import type { Vector } from './stream-id.ts'

/** The consumer whose tables clients read. */
const READ_MODEL = 'station'
/** How soon to look again when nothing was heard: the safety net under the wake-ups. */
const POLL_MS = 500
/** Most entries that are read from a partition at once. */
const MAX_READ = 500
/** Desired state is no news to a client, and is large. */
export const UNTOLD_KINDS = ['document.published', 'document.announced']

export class StreamTail {
  readonly #sql: Sql
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #log: Logger
  readonly #tell: (entry: TailEntry) => void
  readonly #anyone: () => boolean
  #vector: Vector = []
  #loop: Loop | undefined
  #unsubscribe: (() => void) | undefined

  constructor(
    parts: { sql: Sql; bus: Bus; clock: Clock; log: Logger },
    tell: (entry: TailEntry) => void,
    anyone: () => boolean,
  ) {
    this.#sql = parts.sql
    this.#bus = parts.bus
    this.#clock = parts.clock
    this.#log = parts.log
    this.#tell = tell
    this.#anyone = anyone
  }

  /** How far everything was told; a copy. */
  get vector(): Vector {
    return [...this.#vector]
  }

  /** Begins at where the read model is now. */
  async start(): Promise<void> {
    this.#vector = (await progressOf(this.#sql, READ_MODEL)).map((p) => p.cursor)
    const loop = createLoop({
      clock: this.#clock,
      log: this.#log,
      name: 'stream',
      pollMs: POLL_MS,
      work: () => this.#look(),
    })
    this.#unsubscribe = this.#bus.subscribe(BUS.projected(READ_MODEL), () => loop.wake())
    this.#loop = loop
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    await this.#loop?.stop()
  }

  /** Tells what can be told; true when there is more than one read gives. */
  async #look(): Promise<boolean> {
    const progress = await progressOf(this.#sql, READ_MODEL)
    let more = false
    for (const [partition, { cursor }] of progress.entries()) {
      const told = this.#vector[partition]!
      if (cursor <= told) continue
      // Whoever comes later begins by reading from where it was last.
      if (!this.#anyone()) {
        this.#vector[partition] = cursor
        continue
      }
      const entries = await readTail(this.#sql, partition, told, cursor, MAX_READ, UNTOLD_KINDS)
      for (const entry of entries) {
        this.#vector[partition] = entry.position
        this.#tell(entry)
      }
      if (entries.length < MAX_READ) this.#vector[partition] = cursor
      else more = true
    }
    return more
  }
}
