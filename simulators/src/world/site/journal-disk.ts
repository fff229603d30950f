/** The disk of a journal as the controller sees it: requests one after the other, each done after a while and answered later. */
import {
  type Database,
  type JournalDisk,
  type JournalDiskEvents,
  JournalServer,
  type Request,
  type Response,
  type Volume,
} from '@switchyard/edge-controller/site-controller.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { Random } from '../../random.ts'
import type { Life } from './life.ts'

/** From asking to the end of the fsync, ms. */
const FASTEST_MS = 1
const SLOWEST_MS = 25
/** From there until the controller hears of it. */
const HEARD_MS = 3

export interface JournalDiskOptions {
  file: string
  newJournalId: string
  life: Life
  random: Random
  open(file: string): Database
  /** Undefined: nobody looks after the room on it, nor after damage. */
  volume: Volume | undefined
  /** A request was performed, on a card that had power all the while. */
  performed(request: Request, response: Response): void
  /** Rows up to this one were removed. */
  pruned(stream: Stream, last: { seq: number; rowId: string }): void
  /** The controller is told. */
  answered(request: Request, response: Response): void
}

/** Few, so that power is cut while the write-ahead log goes over as well. */
const CHECKPOINT_PAGES = 40

export class SlowDisk implements JournalDisk {
  readonly #options: JournalDiskOptions
  readonly #events: JournalDiskEvents
  readonly #server: JournalServer
  #freeAtMs = 0
  #underWay = 0

  constructor(options: JournalDiskOptions, events: JournalDiskEvents) {
    this.#options = options
    this.#events = events
    const { file, newJournalId, open, volume } = options
    this.#server = new JournalServer({ file, newJournalId, checkpointPages: CHECKPOINT_PAGES }, open, volume)
  }

  /** Something was asked for that its controller has not heard of yet. */
  get isBusy(): boolean {
    return this.#underWay > 0
  }

  send(request: Request): void {
    const { life, random, performed, answered } = this.#options
    const startMs = Math.max(life.nowMs, this.#freeAtMs)
    const doneAtMs = startMs + random.int(FASTEST_MS, SLOWEST_MS)
    this.#freeAtMs = doneAtMs
    this.#underWay++
    life.after(doneAtMs - life.nowMs, () => {
      const response = this.#server.respond(request)
      // Power may have failed in the middle of it: then nobody hears anything.
      if (!life.isAlive) return
      performed(request, response)
      if (request.op === 'prune' && response.ok && response.value !== 0) this.#lookAfterPrune(request.stream)
      life.after(random.int(0, HEARD_MS), () => {
        this.#underWay--
        answered(request, response)
        this.#events.answered(response)
      })
    })
  }

  #lookAfterPrune(stream: Stream): void {
    const read = this.#server.respond({ op: 'readAfter', stream, seq: 0, maxRows: 1, maxBytes: 1, n: 0 })
    const { pruned } = (read.ok ? read.value : {}) as { pruned?: { seq: number; rowId: string } }
    if (pruned) this.#options.pruned(stream, pruned)
  }

  async end(): Promise<void> {}

  /** The process is gone: what it held of the file is let go, with nothing written. */
  abandon(): void {
    this.#server.respond({ op: 'close', n: 0 })
  }
}
