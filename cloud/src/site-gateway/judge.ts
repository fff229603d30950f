/** What becomes of one batch by where its journal stands: the decision is `accept`'s, the looks it needs are made here. */
import { accept } from '@switchyard/protocol/site/accept.ts'
import type { Refusal } from '@switchyard/protocol/site/envelope.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { LaneAppend } from '../platform/event-log/event-log.ts'
import { rowIds } from '../platform/event-log/rows.ts'
import type { ReadItem, Standing } from './standing.ts'

export type Verdict =
  | { kind: 'unregistered' }
  | {
      kind: 'refused'
      refusal: Refusal
      reason: string
      epoch: number
      nonce: string
      upTo: number
      rowId: string
    }
  | {
      kind: 'taken'
      tenantId: string
      authority: boolean
      epoch: number
      nonce: string
      upTo: number
      rowId: string
      /** Rows that were not held before. */
      fresh: number
      /** Of these, rows whose text cannot be read. */
      unreadable: number
    }

export type Taken = Extract<Verdict, { kind: 'taken' }>

/** `append` is what makes the verdict `taken` true. */
export async function judge(
  sql: Sql | TransactionSql,
  { siteId, batch }: ReadItem,
  standing: Standing | undefined,
): Promise<Verdict | { append: LaneAppend; taken: Taken }> {
  if (!standing) return { kind: 'unregistered' }
  const { tenantId, epoch, nonce, authority, last, lastId, n } = standing
  const overlaps = batch.from <= last
  const stored = overlaps
    ? await rowIds(sql, siteId, batch.journalId, batch.stream, batch.from - 1, Math.min(batch.to, last))
    : undefined
  const result = accept({ last, lastId, epoch, nonce }, batch, (seq) => stored?.get(seq))
  if (!result.accepted)
    return {
      kind: 'refused',
      refusal: result.refusal,
      reason: result.reason,
      epoch,
      nonce,
      upTo: last,
      rowId: lastId,
    }
  const taken = {
    kind: 'taken' as const,
    tenantId,
    authority,
    epoch,
    nonce,
    upTo: result.next.last,
    rowId: result.next.lastId,
    fresh: result.rows.length,
    unreadable: 0,
  }
  if (result.rows.length === 0) return taken
  const append: LaneAppend = {
    tenantId,
    siteId,
    journalId: batch.journalId,
    stream: batch.stream,
    after: last,
    rows: result.rows,
    authority,
    standing: n,
    ...(batch.trace === undefined ? {} : { trace: batch.trace }),
  }
  return { append, taken }
}
