/**
 * The journal port: the one way that anything becomes durable at a site. One commit is atomic: the change of state and the
 * facts that tell of it. When `commit` resolves, it is fsynced.
 */

import type { Json } from '@switchyard/protocol/json.ts'
import type { BatchRow } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { DiskReading } from './pressure.ts'
import type { Thinned, ThinRequest } from './thin.ts'

/** A fact ready to be written: its random row id and its exact text. */
export interface FactRow {
  stream: Stream
  id: string
  text: string
}

/** Longest text of a fact, bytes of UTF-8: with it any single row fits every bound of a batch, however badly it compresses. */
export const MAX_FACT_BYTES = 64 * 1024

/** A small JSON entity of state, named by (kind, id). */
export interface Entity {
  kind: string
  id: string
  value: Json
}
export interface EntityKey {
  kind: string
  id: string
}

export interface Change {
  facts: FactRow[]
  puts: Entity[]
  deletes: EntityKey[]
}

/** Newest row of each stream after a commit. */
export type Heads = Record<Stream, { seq: number; rowId: string }>

export interface JournalState {
  journalId: string
  heads: Heads
  /** Highest acknowledged seq of each stream (rows at or below it may be pruned). */
  acked: Record<Stream, number>
  entities: Entity[]
}

/** From here on the journal is another one: see SiteState.fork. */
export interface Fork {
  /** Id of the new journal, random. */
  journalId: string
  /** Newest row of each stream that stays with the old journal; those after it are the new one's first. */
  shared: Record<Stream, number>
  /** Written into the new journal, after them. */
  change: Change
}

export interface StoredRow extends BatchRow {
  seq: number
}

export interface RowsAfter {
  /** Id of row `seq`; empty for seq 0; undefined when that row is not known any more (pruned, or never written). */
  prevId: string | undefined
  rows: StoredRow[]
  /** Rows after `seq` were pruned, up to this one: then `rows` is empty, and what is missing must be told as a loss. */
  pruned?: { seq: number; rowId: string }
}

/** The disk under the journal, and what can be done as it fills. */
export interface JournalUpkeep {
  /** Undefined where nobody can tell. */
  measure(): Promise<DiskReading | undefined>
  /** Thins telemetry after a row; see thin.ts. */
  thin(request: ThinRequest): Promise<Thinned>
  /** Makes the reserve longer by a piece, if there is room. */
  growReserve(): Promise<void>
  /** Copies the journal, online and consistent, into a new file. */
  backup(to: string): Promise<void>
  /** Calls back when the disk was full and the reserve was given up. */
  onReserveSpent(listener: () => void): void
}

export interface Journal {
  /** Absent where the journal has no disk of its own. */
  readonly upkeep?: JournalUpkeep
  load(): Promise<JournalState>
  /**
   * Durable when it resolves. Rejects, with the state unchanged, with JournalFull or ChangeRefused; with JournalFailed the
   * process must stop. While too much is waiting to be written, it takes longer: callers are held back, nothing is dropped.
   */
  commit(change: Change): Promise<Heads>
  /** Rows of a stream after `seq`, oldest first, within both bounds (at least one row if there is one). */
  readAfter(stream: Stream, seq: number, maxRows: number, maxBytes: number): Promise<RowsAfter>
  /** Remembers an acknowledgement; takes the maximum. */
  acknowledge(stream: Stream, upTo: number): Promise<void>
  /**
   * Goes on under a new id, atomically: rows after the shared ones get seqs from 1, nothing of them is acknowledged. Durable, or
   * rejected, as a commit; what is committed after the call is the new journal's.
   */
  fork(fork: Fork): Promise<Heads>
  /**
   * The cloud holds no row after `upTo`, whatever it had acknowledged before it was restored from a backup: those are kept again
   * until it acknowledges them anew.
   */
  withdraw(stream: Stream, upTo: number): Promise<void>
  /** Removes acknowledged rows older than the retention; returns how many. */
  prune(stream: Stream, upTo: number): Promise<number>
  close(): Promise<void>
}

/** Disk full: running sessions may finish, new ones are refused. */
export class JournalFull extends Error {
  override name = 'JournalFull'
}
/** This change cannot be written (a fact over MAX_FACT_BYTES, a value that is no JSON): a fault of its maker. Others are untouched. */
export class ChangeRefused extends Error {
  override name = 'ChangeRefused'
}
/** The content of the file is broken: it is set aside at the next opening, and what can be read of it goes on. */
export class JournalDamaged extends Error {
  override name = 'JournalDamaged'
}
/** A commit failed for another reason: memory must not run ahead of disk, so the process stops. */
export class JournalFailed extends Error {
  override name = 'JournalFailed'
}
