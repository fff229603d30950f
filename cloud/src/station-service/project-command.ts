/** What became of a command. */
import type { OutcomeStatus } from '@switchyard/protocol/site/command.ts'
import type { JSONValue, TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'

/**
 * The site's word is the truth: it also replaces `expired` and `unknown`, which are what the cloud made of silence.
 * A second outcome of the same command changes nothing.
 */
export async function projectOutcome(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  if (fact.kind !== 'command.outcome' || entry.siteId === null) return
  await markOutcome(tx, entry.siteId, fact.data, entry.receivedAt)
}

export interface Outcome {
  commandId: string
  status: OutcomeStatus
  reply?: unknown
  error?: { code: string; description: string } | undefined
}

export async function markOutcome(
  sql: TransactionSql,
  siteId: string,
  { commandId, status, reply, error }: Outcome,
  finishedAt: Date,
): Promise<void> {
  await sql`
    update station.command set
      status = ${status}, reply = ${reply === undefined ? null : sql.json(reply as JSONValue)},
      error = ${error === undefined ? null : sql.json(error)}, finished_at = ${finishedAt}
    where command_id = ${commandId} and site_id = ${siteId} and status in ('pending', 'expired', 'unknown')`
}
