/**
 * The journal port: the one way that anything becomes durable at a site. One commit is atomic: the change of state and the
 * facts that tell of it. When `commit` resolves, it is fsynced.
 */

import type { Json } from '@switchyard/protocol/json.ts'
import type { BatchRow } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'

/** A fact ready to be written: its random row id and its exact text. */
export interface FactRow {
  stream: Stream
  id: string
  text: string
}

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

export interface StoredRow extends BatchRow {
  seq: number
}

export interface Journal {
  load(): Promise<JournalState>
  /** Durable when it resolves. Rejects with JournalFull (state unchanged) or JournalFailed (the process must stop). */
  commit(change: Change): Promise<Heads>
  /** Rows of a stream after `seq`, oldest first, within both bounds (at least one row if there is one); `prevId` is the id of row `seq`. */
  readAfter(
    stream: Stream,
    seq: number,
    maxRows: number,
    maxBytes: number,
  ): Promise<{ prevId: string; rows: StoredRow[] }>
  /** Remembers an acknowledgement; takes the maximum. */
  acknowledge(stream: Stream, upTo: number): Promise<void>
  /** Removes acknowledged rows older than the retention; returns how many. */
  prune(stream: Stream, upTo: number): Promise<number>
  close(): Promise<void>
}

/** Disk full: running sessions may finish, new ones are refused. */
export class JournalFull extends Error {
  override name = 'JournalFull'
}
/** A commit failed for another reason: memory must not run ahead of disk, so the process stops. */
export class JournalFailed extends Error {
  override name = 'JournalFailed'
}
