/**
 * The journal port over a disk that answers later, with group commit: the changes of one turn of the event loop, and those
 * that come while a group is being written, go to disk together with one fsync. On the box a worker thread is that disk.
 */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { appendFlat, type FlatChanges } from './flat-changes.ts'
import { type GroupResult, type Request, type Response, revive, type Work } from './journal-messages.ts'
import {
  type Change,
  type Fork,
  type Heads,
  type Journal,
  JournalFailed,
  type JournalState,
  type JournalUpkeep,
  type RowsAfter,
} from './port.ts'
import type { DiskReading } from './pressure.ts'
import { revived, serialise } from './serialise.ts'
import type { Acknowledgements, LoadedJournal, SerialisedChange } from './sqlite.ts'
import type { Thinned } from './thin.ts'

/** Most changes in one transaction. */
export const MAX_GROUP_CHANGES = 1_000
/** Most changes that wait to be written; a caller beyond it waits for room, in its turn. */
export const MAX_WAITING_CHANGES = 10_000
/** An acknowledgement goes to disk with the next commit, or by itself after this long: it saves an fsync per batch. */
const ACKNOWLEDGE_DELAY_MS = 1_000

interface Waiting {
  change: SerialisedChange
  resolve(heads: Heads): void
  reject(error: Error): void
}

/** Where the file is: takes requests in order and answers each once, through `JournalDiskEvents`. */
export interface JournalDisk {
  send(request: Request): void
  end(): Promise<void>
}

export interface JournalDiskEvents {
  answered(response: Response): void
  /** It is gone: nothing that was asked will be answered. */
  failed(error: JournalFailed): void
}

export interface GroupedJournalPorts {
  disk(events: JournalDiskEvents): JournalDisk
  /** Runs `work` once the present turn of the event loop is over. */
  soon(work: () => void): void
  /** Runs `work` later; returns how to cancel it. */
  after(delayMs: number, work: () => void): () => void
  /** Called once, when the journal can never be written again: the process must stop. */
  onFailure(error: JournalFailed): void
}

export class GroupedJournal implements Journal {
  readonly upkeep: JournalUpkeep
  readonly #reserveListeners = new Set<() => void>()
  readonly #disk: JournalDisk
  readonly #ports: GroupedJournalPorts
  readonly #requests = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #n = 0
  #waiting: Waiting[] = []
  #forRoom: Waiting[] = []
  #writing = false
  /** Settles when the group that is being written is, and has been told. */
  #written: Promise<void> = Promise.resolve()
  #scheduled = false
  #acknowledged: Acknowledgements = {}
  #cancelAcknowledging: (() => void) | undefined
  #failure: JournalFailed | undefined
  #closing = false

  constructor(ports: GroupedJournalPorts) {
    this.#ports = ports
    this.#disk = ports.disk({
      answered: (response) => this.#answered(response),
      failed: (error) => this.#fail(error),
    })
    this.upkeep = {
      measure: async () => (await this.#request({ op: 'measure' })) as DiskReading | undefined,
      thin: async (request) => (await this.#request({ op: 'thin', ...request })) as Thinned,
      growReserve: async () => void (await this.#request({ op: 'growReserve' })),
      backup: async (to) => void (await this.#request({ op: 'backup', to })),
      onReserveSpent: (listener) => void this.#reserveListeners.add(listener),
    }
  }

  async load(): Promise<JournalState> {
    return revived((await this.#request({ op: 'open' })) as LoadedJournal)
  }

  /** One promise for what is on the path of every message: an async function would make three of it. */
  commit(change: Change): Promise<Heads> {
    return new Promise((resolve, reject) => {
      const waiting = { change: serialise(change), resolve, reject }
      if (this.#forRoom.length === 0 && this.#waiting.length < MAX_WAITING_CHANGES) this.#enqueue(waiting)
      else this.#forRoom.push(waiting)
    })
  }

  #enqueue(waiting: Waiting): void {
    if (this.#failure || this.#closing) {
      waiting.reject(this.#failure ?? new JournalFailed('the journal is closed'))
      return
    }
    this.#waiting.push(waiting)
    this.#schedule()
  }

  async readAfter(stream: Stream, seq: number, maxRows: number, maxBytes: number): Promise<RowsAfter> {
    return (await this.#request({ op: 'readAfter', stream, seq, maxRows, maxBytes })) as RowsAfter
  }

  /** Resolves at once: an acknowledgement that is lost at a crash is told again by the cloud's welcome. */
  async acknowledge(stream: Stream, upTo: number): Promise<void> {
    this.#assertWritable()
    this.#acknowledged[stream] = Math.max(upTo, this.#acknowledged[stream] ?? 0)
    this.#cancelAcknowledging ??= this.#ports.after(ACKNOWLEDGE_DELAY_MS, () => this.#schedule())
  }

  async withdraw(stream: Stream, upTo: number): Promise<void> {
    this.#assertWritable()
    const waiting = this.#acknowledged[stream]
    if (waiting !== undefined) this.#acknowledged[stream] = Math.min(waiting, upTo)
    await this.#request({ op: 'withdraw', stream, upTo })
  }

  async fork({ journalId, shared, change }: Fork): Promise<Heads> {
    const fork = { journalId, shared, change: serialise(change) }
    this.#assertWritable()
    // What is acknowledged is acknowledged of the journal that ends here.
    this.#acknowledged = {}
    this.#cancelAcknowledging?.()
    this.#cancelAcknowledging = undefined
    return (await this.#request({ op: 'fork', fork })) as Heads
  }

  async prune(stream: Stream, upTo: number): Promise<number> {
    this.#flush()
    return (await this.#request({ op: 'prune', stream, upTo })) as number
  }

  /** Writes what waits, then closes the file. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    while (
      !this.#failure &&
      (this.#waiting.length > 0 || Object.keys(this.#acknowledged).length > 0 || this.#writing)
    ) {
      this.#flush()
      await this.#written
    }
    this.#cancelAcknowledging?.()
    if (!this.#failure) await this.#request({ op: 'close' })
    await this.#disk.end()
  }

  #assertWritable(): void {
    if (this.#failure) throw this.#failure
    if (this.#closing) throw new JournalFailed('the journal is closed')
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return
    this.#scheduled = true
    this.#ports.soon(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Sends one group, unless one is being written: its end sends the next. */
  #flush(): void {
    if (this.#writing || this.#failure) return
    const group = this.#waiting.splice(0, MAX_GROUP_CHANGES)
    const acknowledged = this.#acknowledged
    if (group.length === 0 && Object.keys(acknowledged).length === 0) return
    this.#acknowledged = {}
    this.#cancelAcknowledging?.()
    this.#cancelAcknowledging = undefined
    this.#writing = true
    const changes: FlatChanges = []
    for (const { change } of group) appendFlat(changes, change)
    const written = this.#request({ op: 'group', changes, acknowledged })
    for (const waiting of this.#forRoom.splice(0, MAX_WAITING_CHANGES - this.#waiting.length))
      this.#enqueue(waiting)
    this.#written = written.then(
      (value) => {
        this.#writing = false
        const { heads, refused, reserveSpent } = value as GroupResult
        if (reserveSpent) for (const listener of this.#reserveListeners) listener()
        for (const [i, { resolve, reject }] of group.entries()) {
          const refusal = refused[i]
          if (refusal) reject(revive(refusal.name, refusal.message))
          else resolve(heads)
        }
        this.#flush()
      },
      (cause: Error) => {
        this.#writing = false
        const failure = cause instanceof JournalFailed ? cause : new JournalFailed(cause.message, { cause })
        for (const { reject } of group) reject(failure)
        this.#fail(failure)
      },
    )
  }

  #request(work: Work): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure)
    const n = ++this.#n
    return new Promise((resolve, reject) => {
      this.#requests.set(n, { resolve, reject })
      this.#disk.send({ ...work, n })
    })
  }

  #answered(response: Response): void {
    const request = this.#requests.get(response.n)
    this.#requests.delete(response.n)
    if (response.ok) request?.resolve(response.value)
    else {
      request?.reject(revive(response.name, response.message))
      // Whatever was asked: the file is to be set aside, which the next start does.
      if (response.broken) this.#fail(new JournalFailed(`the file is damaged: ${response.message}`))
    }
  }

  #fail(failure: JournalFailed): void {
    if (this.#failure) return
    this.#failure = failure
    this.#cancelAcknowledging?.()
    for (const { reject } of this.#requests.values()) reject(failure)
    this.#requests.clear()
    for (const { reject } of [...this.#waiting.splice(0), ...this.#forRoom.splice(0)]) reject(failure)
    this.#ports.onFailure(failure)
  }
}
