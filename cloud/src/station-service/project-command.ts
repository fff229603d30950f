/** What became of a command. */
import type { OutcomeStatus } from '@switchyard/protocol/site/command.ts'
import type { JSONValue, TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { requestIdIn } from './project-progress.ts'

/** The site's word is the truth: it also replaces `expired` and `unknown`, which are what the cloud made of silence. */
export async function projectOutcome(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  if (entry.siteId === null) return
  if (fact.kind === 'command.outcome') await markOutcome(tx, entry.siteId, fact.data, entry.receivedAt)
  if (fact.kind === 'command.abandoned') {
    const { commandId, reason } = fact.data
    const error = { code: 'EpochChanged', description: reason }
    await tx`
      update station.command set status = 'unknown', error = ${tx.json(error)}, finished_at = ${entry.receivedAt}
       where command_id = ${commandId} and site_id = ${entry.siteId} and status in ('pending', 'expired')
         and not said_by_site`
  }
}

export interface Outcome {
  commandId: string
  status: OutcomeStatus
  reply?: unknown
  error?: { code: string; description: string } | undefined
}

/**
 * What the site says first stands. Only its own `unknown` gives way, to what it has learnt since; neither `expired` nor another
 * `unknown` is that.
 */
export async function markOutcome(
  sql: TransactionSql,
  siteId: string,
  { commandId, status, reply, error }: Outcome,
  finishedAt: Date,
): Promise<void> {
  await sql`
    update station.command set
      status = ${status}, reply = ${reply === undefined ? null : sql.json(reply as JSONValue)},
      error = ${error === undefined ? null : sql.json(error)}, finished_at = ${finishedAt}, said_by_site = true,
      request_id = coalesce(request_id, ${requestIdIn(reply)}::int)
    where command_id = ${commandId} and site_id = ${siteId}
      and (not said_by_site or (status = 'unknown' and ${status !== 'expired' && status !== 'unknown'}))`
}
