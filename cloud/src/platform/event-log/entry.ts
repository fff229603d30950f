/** An entry of the event log, and how a service reads it. */
import type { ReadFact } from '@switchyard/protocol/site/fact.ts'
import type { TransactionSql } from 'postgres'

/** Log partitions: a hash of the site (or, without one, of the tenant) chooses. Fixed for the life of a log. */
export const LOG_PARTITIONS = 8

export interface LogEntry {
  partition: number
  /** Gapless and commit-ordered within the partition, from 1. */
  position: number
  receivedAt: Date
  tenantId: string
  /** Null: a fact of the tenant, made in the cloud. */
  siteId: string | null
  kind: string
  stationId: string | null
  sessionId: string | null
  /** For a site's fact: where in which journal it stands. Null for a fact made in the cloud. */
  journal: {
    journalId: string
    stream: string
    seq: number
    rowId: string /** The lane had authority when it was taken. */
    authority: boolean
  } | null
  /** For a fact made in the cloud: the service, and its number there. */
  producer: { name: string; n: number } | null
  trace: string | null
  /** Exact text. */
  text: string
}

/** A consumer's way of taking facts into its own tables, in one transaction with its cursor. */
export interface Projection {
  /** Name of the consumer; its cursors are kept under it. */
  consumer: string
  /** Kinds it takes; all others only move the cursor. */
  kinds: readonly string[]
  /** Log partitions that one process works on at once (1 where it is not said): while one waits for the database, another is computed. */
  atOnce?: number
  /**
   * Applies readings, oldest first, with the same result as if each had been given alone. Idempotent. When it throws, what
   * it wrote is undone and the readings come again one by one: the one that throws alone parks its site for this consumer, with an alert.
   */
  apply(tx: TransactionSql, readings: readonly Reading[]): Promise<void>
  /** After the commit, with the entries that were applied (for wake-ups). Errors are logged only. */
  committed?(entries: LogEntry[]): void
}

/** An entry with its text read. */
export interface Reading {
  entry: LogEntry
  read: ReadEntry
}

/** For a projection whose facts are too few to gain by being taken together. */
export function oneByOne(
  apply: (tx: TransactionSql, entry: LogEntry, read: ReadEntry) => Promise<void>,
): Projection['apply'] {
  return async (tx, readings) => {
    for (const { entry, read } of readings) await apply(tx, entry, read)
  }
}

/** The text of an entry read by the shape of its kind: a site's fact, or a cloud fact. */
export type ReadEntry =
  | Extract<ReadFact, { ok: true; known: true }>['fact']
  | import('./cloud-fact.ts').CloudFact
