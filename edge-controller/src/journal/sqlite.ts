/**
 * The journal on SQLite: plain synchronous code over one file, one writer. The worker thread wraps it on the box, the
 * inline journal in tests and in the simulator.
 */
import { mutated } from '@switchyard/protocol/mutation.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { isLostId } from '@switchyard/protocol/site/fork.ts'
import type BetterSqlite3 from 'better-sqlite3'
import { Checkpoint } from './checkpoint.ts'
import {
  ChangeRefused,
  type EntityKey,
  type FactRow,
  type Heads,
  JournalDamaged,
  JournalFailed,
  JournalFull,
  MAX_FACT_BYTES,
  type RowsAfter,
  type StoredRow,
} from './port.ts'
import { type Place, RowTable } from './row-table.ts'
import { BUSY_TIMEOUT_MS, pragmaNumber, prepare } from './schema.ts'
import { type Database, type OpenDatabase, openDatabase } from './sqlite-driver.ts'
import { type Thinned, type ThinRequest, thin } from './thin.ts'

/** Most rows removed by one call of `prune`, so that it never holds up commits for long. */
export const PRUNE_MAX_ROWS = 5_000

/** Pages that a backup copies in one go. */
const BACKUP_PIECE_PAGES = 100

/** Before the first row. */
const NOWHERE: Place = { seq: 0, rowId: '' }

/** A change whose entities are JSON text already. */
export interface SerialisedChange {
  facts: FactRow[]
  puts: { kind: string; id: string; json: string }[]
  deletes: EntityKey[]
}

export type Acknowledgements = Partial<Record<Stream, number>>
export type ChangeResult = { ok: true; heads: Heads } | { ok: false; error: Error }

export interface LoadedJournal {
  journalId: string
  heads: Heads
  acked: Record<Stream, number>
  entities: { kind: string; id: string; json: string }[]
}

/** A fork whose change is serialised. */
export interface SerialisedFork {
  journalId: string
  shared: Record<Stream, number>
  change: SerialisedChange
}

export interface SqliteJournalOptions {
  /** Bounds the file's size. */
  maxBytes?: number
  /** Brings another build of SQLite. */
  open?: OpenDatabase | undefined
  /** Pages in the log at which a commit takes it over; the simulator tries few. */
  checkpointPages?: number | undefined
  /** The disk is full: whether there is room now, so that it is worth another try. */
  makeRoom?: () => boolean
}

export class SqliteJournal {
  readonly #db: Database
  readonly #streams: Record<Stream, RowTable>
  readonly #checkpoint: Checkpoint
  readonly #begin: BetterSqlite3.Statement<[]>
  readonly #commit: BetterSqlite3.Statement<[]>
  readonly #put: BetterSqlite3.Statement<[string, string, string]>
  readonly #delete: BetterSqlite3.Statement<[string, string]>
  readonly #meta: BetterSqlite3.Statement<[string, string | number]>
  #heads: Heads
  #acked: Record<Stream, number>
  #pruned: Record<Stream, Place>
  readonly #makeRoom: () => boolean
  #journalId: string

  /**
   * Opens or makes the journal; `newJournalId` names it if it is made now. Throws JournalFailed with the file's path when it
   * cannot be opened, is not a journal, or is held by another process.
   */
  constructor(file: string, newJournalId: string, options: SqliteJournalOptions = {}) {
    this.#makeRoom = options.makeRoom ?? (() => false)
    let db: Database | undefined
    try {
      db = (options.open ?? openDatabase)(file, { timeout: BUSY_TIMEOUT_MS })
      this.#db = db
      prepare(db, file, newJournalId)
      if (options.maxBytes !== undefined) this.limitBytes(options.maxBytes)
      this.#checkpoint = new Checkpoint(db, options.checkpointPages)
      this.#begin = db.prepare('BEGIN IMMEDIATE')
      this.#commit = db.prepare('COMMIT')
      this.#put = db.prepare('INSERT OR REPLACE INTO entity VALUES (?, ?, ?)')
      this.#delete = db.prepare('DELETE FROM entity WHERE kind = ? AND id = ?')
      this.#meta = db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')

      const rows = db.prepare('SELECT key, value FROM meta').raw().all() as [string, string | number][]
      const meta = new Map(rows)
      if (!meta.has('journalId')) throw new JournalDamaged('it does not know its id')
      this.#journalId = String(meta.get('journalId'))
      const opened = db
      const perStream = <T>(make: (stream: Stream) => T) =>
        Object.fromEntries(STREAMS.map((s) => [s, make(s)])) as Record<Stream, T>
      this.#streams = perStream((s) => new RowTable(opened, s, Number(meta.get(`base.${s}`) ?? 0)))
      this.#acked = perStream((s) => Number(meta.get(`acked.${s}`) ?? 0))
      this.#pruned = perStream((s) => ({
        seq: Number(meta.get(`pruned.${s}.seq`) ?? 0),
        rowId: String(meta.get(`pruned.${s}.rowId`) ?? ''),
      }))
      this.#heads = perStream((s) => this.#streams[s].newest() ?? this.#pruned[s])
    } catch (cause) {
      db?.close()
      const { code, message } = cause as Error & { code?: string }
      const what = code === 'SQLITE_BUSY' ? 'another process has it open' : message
      throw new JournalFailed(`journal ${file}: ${what}`, { cause })
    }
  }

  /** Throws JournalDamaged when the file is not whole; `all` reads every page of it, otherwise only what is loaded. */
  check(all: boolean): void {
    if (all) {
      const found = this.#db.pragma('quick_check(1)', { simple: true })
      // Nobody will soon ask for the pages that were read.
      this.#db.pragma('shrink_memory')
      if (found !== 'ok') throw new JournalDamaged(String(found))
    }
    const bad = this.#db.prepare('SELECT count(*) FROM entity WHERE NOT json_valid(json)').pluck().get()
    if (bad !== 0) throw new JournalDamaged(`${String(bad)} entities are no JSON`)
  }

  /** What `PRAGMA synchronous` says now; 2 is FULL. */
  get synchronous(): number {
    return pragmaNumber(this.#db, 'synchronous')
  }

  get journalId(): string {
    return this.#journalId
  }

  /** Newest row of each stream. */
  get heads(): Heads {
    return this.#heads
  }

  load(): LoadedJournal {
    return {
      journalId: this.#journalId,
      heads: { ...this.#heads },
      acked: { ...this.#acked },
      entities: this.#db
        .prepare<[], LoadedJournal['entities'][number]>('SELECT kind, id, json FROM entity')
        .all(),
    }
  }

  /**
   * Writes a group in one transaction with one fsync. A change that cannot be written is refused alone. When the disk is
   * full, each change is tried by itself. Any other failure throws JournalFailed: then nothing of the group is certain.
   */
  commitGroup(changes: readonly SerialisedChange[], acknowledged: Acknowledgements = {}): ChangeResult[] {
    // Wrong changes are rare: savepoints, which cost a tenth of a commit, come in only when there is one.
    return this.#attempt(changes, acknowledged, false) ?? this.#attempt(changes, acknowledged, true) ?? []
  }

  /** Undefined: a change is wrong and none was guarded, nothing was written. */
  #attempt(
    changes: readonly SerialisedChange[],
    acknowledged: Acknowledgements,
    guarded: boolean,
  ): ChangeResult[] | undefined {
    const headsBefore = this.#heads
    const ackedBefore = this.#acked
    try {
      const write = () => this.#transaction(changes, acknowledged, guarded)
      if (this.#checkpoint.isDue) return this.#checkpoint.around(write)
      const results = write()
      this.#checkpoint.measure()
      return results
    } catch (cause) {
      this.#heads = headsBefore
      this.#acked = ackedBefore
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      if (!guarded && isFaultOfChange(cause)) return undefined
      if (!isFull(cause)) throw new JournalFailed(`commit: ${(cause as Error).message}`, { cause })
      if (this.#checkpoint.makeRoom() || this.#makeRoom())
        return this.#attempt(changes, acknowledged, guarded)
      if (changes.length > 1) return changes.flatMap((change) => this.commitGroup([change]))
      const error = new JournalFull('the disk of the journal is full', { cause })
      return changes.map(() => ({ ok: false, error }))
    }
  }

  #transaction(
    changes: readonly SerialisedChange[],
    acknowledged: Acknowledgements,
    guarded: boolean,
  ): ChangeResult[] {
    this.#begin.run()
    const results = changes.map((change) => (guarded ? this.#guarded(change) : this.#applied(change)))
    for (const stream of STREAMS) {
      const upTo = acknowledged[stream] ?? 0
      if (upTo <= this.#acked[stream]) continue
      this.#meta.run(`acked.${stream}`, upTo)
      this.#acked = { ...this.#acked, [stream]: upTo }
    }
    this.#commit.run()
    return results
  }

  #applied(change: SerialisedChange): ChangeResult {
    this.#apply(change)
    return { ok: true, heads: this.#heads }
  }

  /** Within a savepoint of its own, so that only this change is lost if it is wrong. */
  #guarded(change: SerialisedChange): ChangeResult {
    const heads = this.#heads
    this.#db.exec('SAVEPOINT change')
    try {
      const result = this.#applied(change)
      this.#db.exec('RELEASE change')
      return result
    } catch (cause) {
      this.#heads = heads
      if (!isFaultOfChange(cause) || !this.#db.inTransaction) throw cause
      this.#db.exec('ROLLBACK TO change; RELEASE change')
      return { ok: false, error: new ChangeRefused((cause as Error).message, { cause }) }
    }
  }

  #apply(change: SerialisedChange): void {
    const heads = { ...this.#heads }
    for (const { stream, id, text } of change.facts) {
      const bytes = Buffer.byteLength(text)
      if (bytes > MAX_FACT_BYTES)
        throw new ChangeRefused(`a fact of ${bytes} bytes is over the bound of ${MAX_FACT_BYTES}`)
      const seq = heads[stream].seq + 1
      this.#streams[stream].insert(seq, id, text)
      heads[stream] = { seq, rowId: id }
    }
    for (const { kind, id, json } of change.puts) this.#put.run(kind, id, json)
    for (const { kind, id } of change.deletes) this.#delete.run(kind, id)
    this.#heads = heads
  }

  readAfter(stream: Stream, seq: number, maxRows: number, maxBytes: number): RowsAfter {
    const pruned = this.#pruned[stream]
    const prevId = this.#idAt(stream, seq)
    if (pruned.seq > 0 && seq < pruned.seq) return { prevId, rows: [], pruned: { ...pruned } }
    const rows: StoredRow[] = []
    let bytes = 0
    for (const row of this.#streams[stream].after(seq, maxRows)) {
      bytes += Buffer.byteLength(row.fact)
      if (rows.length > 0 && bytes > maxBytes) break
      // Of a gap that begins before, only what comes after `seq` is still to be told.
      rows.push(row.covers === undefined ? row : { ...row, covers: Math.min(row.covers, row.seq - seq) })
    }
    return { prevId, rows }
  }

  #idAt(stream: Stream, seq: number): string | undefined {
    if (seq === 0) return ''
    const pruned = this.#pruned[stream]
    const id = seq === pruned.seq ? pruned.rowId : this.#streams[stream].idAt(seq)
    // A row that was lost and is told has an id of ours; its true one is not known.
    return id !== undefined && isLostId(id) ? undefined : id
  }

  acknowledge(acknowledged: Acknowledgements): void {
    this.commitGroup([], acknowledged)
  }

  /** Takes back what was acknowledged after `upTo`. Throws as a commit fails. */
  withdraw(stream: Stream, upTo: number): void {
    if (this.#acked[stream] <= upTo) return
    try {
      this.#withRoom(() => this.#meta.run(`acked.${stream}`, upTo))
    } catch (cause) {
      if (cause instanceof JournalFull) throw cause
      throw new JournalFailed(`withdraw: ${(cause as Error).message}`, { cause })
    }
    this.#acked = { ...this.#acked, [stream]: upTo }
  }

  /**
   * Goes on as a new journal: rows after the shared ones are its rows 1, 2, 3..., ids and texts as they are, and the change is
   * written into it. A negative count takes up rows of the journals before, as far as they are left. All in one transaction; asked again with the same new id, it changes nothing. Throws as a commit fails.
   */
  fork({ journalId, shared, change }: SerialisedFork): Heads {
    if (journalId === this.#journalId) return this.#heads
    for (const stream of STREAMS) {
      const low = this.#pruned[stream].seq || this.#streams[stream].beforeOldest()
      const high = this.#heads[stream].seq
      if (shared[stream] < low || shared[stream] > high)
        throw new ChangeRefused(`a fork of ${stream} after row ${shared[stream]}; it has ${low} to ${high}`)
    }
    const before = { heads: this.#heads, bases: STREAMS.map((it) => this.#streams[it].base) }
    try {
      this.#begin.run()
      this.#meta.run('journalId', journalId)
      for (const stream of STREAMS) this.#rebase(stream, shared[stream])
      this.#apply(change)
      this.#commit.run()
    } catch (cause) {
      this.#heads = before.heads
      for (const [i, stream] of STREAMS.entries()) this.#streams[stream].rebase(before.bases[i]!)
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      if (isFull(cause)) {
        if (this.#checkpoint.makeRoom() || this.#makeRoom()) return this.fork({ journalId, shared, change })
        throw new JournalFull('the disk of the journal is full', { cause })
      }
      if (isFaultOfChange(cause)) throw new ChangeRefused((cause as Error).message, { cause })
      throw new JournalFailed(`fork: ${(cause as Error).message}`, { cause })
    }
    this.#journalId = journalId
    this.#acked = { ledger: 0, telemetry: 0 }
    this.#pruned = { ledger: { ...NOWHERE }, telemetry: { ...NOWHERE } }
    return this.#heads
  }

  #rebase(stream: Stream, shared: number): void {
    const table = this.#streams[stream]
    const { seq, rowId } = this.#heads[stream]
    const kept = seq - shared
    table.rebase(table.base + shared)
    const head = { seq: kept, rowId: rowId === '' ? (table.idAt(kept) ?? '') : rowId }
    this.#heads = { ...this.#heads, [stream]: kept === 0 ? { ...NOWHERE } : head }
    this.#meta.run(`base.${stream}`, table.base)
    this.#meta.run(`acked.${stream}`, 0)
    this.#meta.run(`pruned.${stream}.seq`, 0)
    this.#meta.run(`pruned.${stream}.rowId`, '')
  }

  /**
   * Removes rows up to `upTo`, never one that is not acknowledged, at most PRUNE_MAX_ROWS; returns how many. Rows of the
   * journals before this one are older and go first; they stay as long as it gives up none of its own: a restored cloud may ask for them.
   */
  prune(stream: Stream, upTo: number): number {
    const table = this.#streams[stream]
    if (upTo < 1) return 0
    const former = this.#withRoom(() => table.removeFormer(PRUNE_MAX_ROWS))
    if (former > 0) return former
    const newest = table.lastOfOldest(
      PRUNE_MAX_ROWS,
      mutated('prune-unacknowledged') ? upTo : Math.min(upTo, this.#acked[stream]),
    )
    if (!newest) return 0
    const work = this.#db.transaction(() => {
      this.#meta.run(`pruned.${stream}.seq`, newest.seq)
      this.#meta.run(`pruned.${stream}.rowId`, newest.rowId)
      return table.removeUpTo(newest.seq)
    })
    const removed = this.#withRoom(() => work.immediate())
    this.#pruned = { ...this.#pruned, [stream]: newest }
    return removed
  }

  thin(request: ThinRequest): Thinned {
    return this.#withRoom(() => thin(this.#db, this.#streams.telemetry.base, request))
  }

  /** What makes room needs some first: the log grows before the file's pages are free. */
  #withRoom<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (!isFull(cause)) throw cause
      if (this.#checkpoint.makeRoom() || this.#makeRoom()) return this.#withRoom(work)
      throw new JournalFull('the disk of the journal is full', { cause })
    } finally {
      this.#checkpoint.measure()
    }
  }

  /** Bytes in use in the file, and of its free pages. */
  size(): { usedBytes: number; reusableBytes: number } {
    const pageBytes = pragmaNumber(this.#db, 'page_size')
    const free = pragmaNumber(this.#db, 'freelist_count')
    const pages = pragmaNumber(this.#db, 'page_count')
    return { usedBytes: (pages - free) * pageBytes, reusableBytes: free * pageBytes }
  }

  /** The file shall not be longer than this; one that is does not grow any more. */
  limitBytes(bytes: number): void {
    const pages = Math.max(1, Math.floor(bytes / pragmaNumber(this.#db, 'page_size')))
    this.#db.pragma(`max_page_count = ${pages}`)
  }

  /** Copies the journal as it is at the end into a new file, in pieces between which it is used as ever. */
  async backup(to: string): Promise<void> {
    if (!this.#db.backup) throw new Error('this build of SQLite makes no backups')
    await this.#db.backup(to, { progress: () => BACKUP_PIECE_PAGES })
  }

  /** To be called when nobody waits. */
  whileIdle(): void {
    this.#checkpoint.whileIdle()
  }

  close(): void {
    this.#db.close()
  }
}

function isFull(error: unknown): boolean {
  return (error as { code?: string }).code === 'SQLITE_FULL'
}

/** Errors that say the change is wrong, not the disk. */
function isFaultOfChange(error: unknown): boolean {
  if (error instanceof ChangeRefused || error instanceof TypeError || error instanceof RangeError) return true
  const code = (error as { code?: string }).code ?? ''
  return code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_TOOBIG' || code === 'SQLITE_MISMATCH'
}
