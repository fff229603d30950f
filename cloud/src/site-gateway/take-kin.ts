/**
 * A batch of a journal of whose rows others of its family may hold some. It is judged and appended while the log partition is locked,
 * row by row against what the others hold. Rare: from a fork until the histories have visibly parted.
 */
import type { BatchRow } from '@switchyard/protocol/site/envelope.ts'
import {
  areApart,
  type HeldAs,
  STANDING_FOR_OTHERS,
  seqsOfKin,
  withoutHeld,
} from '@switchyard/protocol/site/kin.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { judge, type Verdict } from './judge.ts'
import { type Kin, kinOf, type ReadItem, type Standing, standingsOf } from './standing.ts'

/** Whether nobody else can hold a row of the batch, as far as is known now. */
export async function isApartFromKin(
  eventLog: EventLog,
  { siteId, batch }: ReadItem,
  standing: Standing | undefined,
): Promise<boolean> {
  if (!standing?.hasKin) return true
  const kin = await kinOf(eventLog.sql, siteId, batch.journalId, batch.stream, standing)
  return kin.every((it) => areApart(standing, it, it.haveParted))
}

/** Committed when it resolves. `at`: the time of the taking, RFC 3339. */
export async function takeBesideKin(
  eventLog: EventLog,
  partition: number,
  item: ReadItem,
  at: string,
): Promise<Verdict> {
  const { siteId, batch } = item
  const verdict = (await eventLog.sql.begin(async (tx) => {
    await tx`select 1 from log.head where partition = ${partition} for update`
    const [standing] = await standingsOf(tx, [item])
    const judged = await judge(tx, item, standing)
    if (!standing || !('append' in judged)) return judged
    const { append, taken } = judged
    const kin = await kinOf(tx, siteId, batch.journalId, batch.stream, standing)
    const rows = withoutHeld(append.rows, await heldBy(tx, item, standing, kin, append.rows), at)
    const [result] = await eventLog.appendIn(tx, partition, [{ ...append, rows }])
    if (!result?.appended) throw new Error('the log moved on under its lock')
    // Who is ahead of us was taken without a look at us; from now on we may be ahead.
    await eventLog.judgeAnew(
      tx,
      siteId,
      kin.map((it) => it.journalId),
    )
    return { ...taken, unreadable: result.unreadable }
  })) as Verdict
  eventLog.appended(partition)
  return verdict
}

async function heldBy(
  tx: TransactionSql,
  { siteId, batch: { stream } }: ReadItem,
  own: Standing,
  kin: readonly Kin[],
  rows: readonly (BatchRow & { seq: number })[],
): Promise<(row: BatchRow & { seq: number }) => HeldAs | undefined> {
  const ranges = kin.flatMap((it) => {
    const seqs = it.haveParted ? undefined : seqsOfKin(own, it, own.last + 1, rows.at(-1)?.seq ?? own.last)
    return seqs ? [{ journalId: it.journalId, shift: it.base - own.base, ...seqs }] : []
  })
  if (ranges.length === 0) return () => undefined
  const found = await tx<{ journal_id: string; seq: number; shift: number; row_id: string }[]>`
    select e.journal_id, e.seq, r.shift, e.row_id
      from unnest(${ranges.map((it) => it.journalId)}::text[], ${ranges.map((it) => it.from)}::bigint[],
                  ${ranges.map((it) => it.to)}::bigint[], ${ranges.map((it) => it.shift)}::bigint[]) as r(journal_id, low, high, shift)
      join log.entry e on e.site_id = ${siteId} and e.journal_id = r.journal_id and e.stream = ${stream}
                      and e.seq between r.low and r.high and e.kind <> all(${[...STANDING_FOR_OTHERS]}::text[])`
  const held = new Map(found.map((it) => [`${it.seq + it.shift}/${it.row_id}`, it]))
  return ({ seq, id }) => {
    const there = held.get(`${seq}/${id}`)
    return there && { journalId: there.journal_id, seq: there.seq }
  }
}
