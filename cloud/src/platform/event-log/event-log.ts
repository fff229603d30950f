/** The event log as services see it. */
import type { StreamState } from '@switchyard/protocol/site/accept.ts'
import type { BatchRow } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { CloudFact } from './cloud-fact.ts'
import type { LogEntry } from './entry.ts'

/** New rows of one lane's stream, as `accept` let them through. */
export interface LaneAppend {
  tenantId: string
  siteId: string
  journalId: string
  stream: Stream
  /** Last seq that the caller saw; the append is refused (`stale`) when the log has moved on. */
  after: number
  rows: (BatchRow & { seq: number })[]
  authority: boolean
  /** By what standing of the journal it was judged (log.standing); the append is refused (`stale`) when that is another one by now. */
  standing?: number
  trace?: string
}
export type AppendResult =
  | {
      appended: true
      last: number
      lastId: string /** Rows that went into log.poison. */
      unreadable: number
    }
  | { appended: false; stale: true }

/** A cloud fact with whom it is about. */
export type OutboxFact = { tenantId: string; siteId: string | null; trace?: string } & CloudFact

export interface EventLog {
  /** Generation of this log; changes when the cloud was restored from a backup. */
  readonly generation: string
  /** Of the calling service: its outbox and its cursors stand there. Null: it has none. */
  readonly schema: string | null
  readonly sql: Sql
  /** One autocommit statement for one log partition; several lanes of the partition may be in one call. Durable when it resolves. */
  append(partition: number, lanes: LaneAppend[]): Promise<AppendResult[]>
  /** The same within a transaction that holds the partition's head; `appended` is to be called once it has committed. */
  appendIn(tx: TransactionSql, partition: number, lanes: LaneAppend[]): Promise<AppendResult[]>
  /** Wakes whoever reads the partition. */
  appended(partition: number): void
  /** Whoever was judged as a row of these journals before this transaction commits is judged anew. */
  judgeAnew(tx: TransactionSql, siteId: string, journalIds: readonly string[]): Promise<void>
  partitionOf(siteIdOrTenantId: string): number
  /** What is held of a stream, for `accept`; undefined when the journal is unknown. */
  streamState(
    siteId: string,
    journalId: string,
    stream: Stream,
  ): Promise<Omit<StreamState, 'epoch'> | undefined>
  /** Ids of stored rows from..to, for overlaps and checkpoints. */
  rowIds(
    siteId: string,
    journalId: string,
    stream: Stream,
    from: number,
    to: number,
  ): Promise<Map<number, string>>
  /** Entries after a position with their text, oldest first: for looking into the log. Consumers and the stream read it by statements of their own. */
  read(partition: number, after: number, limit: number): Promise<LogEntry[]>
  /** Writes a fact to the outbox of the calling service, inside its own transaction. `wake` after the commit. */
  publish(tx: TransactionSql, fact: OutboxFact): Promise<void>
  /** The same for many, in one statement. */
  publishAll(tx: TransactionSql, facts: readonly OutboxFact[]): Promise<void>
  /** Tells the relay and the consumers, after a commit. */
  wake(): void
}
