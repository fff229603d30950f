/**
 * What a consumer passed without taking it, taken afterwards: kinds that its newer version has learnt, and rows that were set
 * aside and can be read now. In the order of the log, in the consumer's own tables, one transaction per step. Projections let
 * an older fact change nothing that a newer one has told, so late is harmless, and so is twice.
 */
import type { Sql, TransactionSql } from 'postgres'
import { isTransient } from '../postgres.ts'
import { type ConsumeOptions, readingOf, tellCommitted } from './consume.ts'
import type { LogEntry } from './entry.ts'
import { parkKey } from './parked.ts'
import { setAside } from './poison.ts'
import { type EntryRow, entryOf } from './rows.ts'

/** Most positions that one step looks over, and most entries that it takes. */
export const BACKFILL_POSITIONS = 20_000
export const BACKFILL_ENTRIES = 500
/**
 * How long after a consumer learnt a kind its cursor may still be moved by replicas of the version before, which pass over
 * that kind: what they passed is taken again.
 */
export const ROLLOUT_MS = 3_600_000

/**
 * At the start of a consumer: the kinds that it takes now and did not take before are looked for in what it has passed. Of a
 * consumer that never said its kinds nothing is known to be missing.
 */
export async function noticeKinds(
  sql: Sql,
  consumer: string,
  kinds: readonly string[],
  nowMs: number,
): Promise<string[]> {
  return (await sql.begin(async (tx) => {
    // One replica at a time, or both would find the same kinds new.
    await tx`select 1 from log.cursor where consumer = ${consumer} order by partition for update`
    const known = await tx<
      { kind: string }[]
    >`select kind from log.consumer_kind where consumer = ${consumer}`
    // An older version that is started again passes over them from now on.
    await tx`delete from log.consumer_kind where consumer = ${consumer} and kind <> all(${[...kinds]}::text[])`
    await tx`insert into log.consumer_kind (consumer, kind)
      select ${consumer}, unnest(${[...kinds]}::text[]) on conflict do nothing`
    const learnt = kinds.filter((kind) => !known.some((it) => it.kind === kind))
    if (known.length === 0 || learnt.length === 0) return []
    await tx`
      insert into log.backfill (consumer, partition, kind, from_position, position, until)
      select ${consumer}, c.partition, k.kind, 0, 0, ${new Date(nowMs + ROLLOUT_MS)}
        from log.cursor c, unnest(${learnt}::text[]) as k(kind) where c.consumer = ${consumer}
      on conflict (consumer, partition, kind, from_position) do update set
        until = excluded.until, position = excluded.position, received_at = excluded.received_at`
    return learnt
  })) as string[]
}

interface Due {
  partition: number
  kind: string
  from_position: number
  position: number
  received_at: Date
  up_to: number | null
  target: number
}

/** One transaction; false when nothing is due. */
export async function backfillOnce(options: ConsumeOptions, nowMs: number): Promise<boolean> {
  const applied = (await options.sql.begin((tx) => backfillWithin(tx, options, nowMs))) as
    | LogEntry[]
    | undefined
  if (applied === undefined) return false
  if (applied.length > 0) tellCommitted(options, applied)
  return true
}

async function backfillWithin(
  tx: TransactionSql,
  options: ConsumeOptions,
  nowMs: number,
): Promise<LogEntry[] | undefined> {
  const { consumer } = options.projection
  const now = new Date(nowMs)
  const [due] = await tx<Due[]>`
    select b.partition, b.kind, b.from_position, b.position, b.received_at, b.up_to, c.position as target
      from log.backfill b join log.cursor c on c.consumer = b.consumer and c.partition = b.partition
     where b.consumer = ${consumer}
       and (c.position >= b.up_to or (b.up_to is null and (b.position < c.position or b.until <= ${now})))
     order by b.partition, b.from_position, b.kind limit 1 for update skip locked`
  if (!due) return undefined
  const target = due.up_to ?? due.target
  const last = Math.min(target, due.position + BACKFILL_POSITIONS)
  const rows = options.projection.kinds.includes(due.kind)
    ? await tx<EntryRow[]>`
        select * from log.entry
         where partition = ${due.partition} and position > ${due.position} and position <= ${last}
           and received_at >= ${due.received_at} and kind = ${due.kind}
         order by position limit ${BACKFILL_ENTRIES}`
    : []
  const end = rows.at(-1)
  const position = rows.length === BACKFILL_ENTRIES && end ? end.position : last
  const entries = await withoutParked(tx, consumer, due.partition, rows.map(entryOf))
  const applied = await applyLate(tx, options, entries)
  const key = tx`consumer = ${consumer} and partition = ${due.partition} and kind = ${due.kind}
    and from_position = ${due.from_position}`
  if (position < target)
    await tx`update log.backfill set position = ${position},
        received_at = coalesce(${end?.received_at ?? null}::timestamptz, received_at) where ${key}`
  else
    await tx`with done as (
        delete from log.backfill where ${key} and (up_to is not null or until <= ${now}) returning 1
      ) update log.backfill set position = ${position} where ${key} and not exists (select 1 from done)`
  return applied
}

/** What a parked site has from its parking on is taken when it is replayed. */
async function withoutParked(
  tx: TransactionSql,
  consumer: string,
  partition: number,
  entries: LogEntry[],
): Promise<LogEntry[]> {
  if (entries.length === 0) return entries
  const parked = await tx<{ park_key: string; position: number }[]>`
    select park_key, position from log.parked where consumer = ${consumer} and partition = ${partition}`
  const from = new Map(parked.map((it) => [it.park_key, it.position]))
  return entries.filter((it) => it.position < (from.get(parkKey(it)) ?? Number.POSITIVE_INFINITY))
}

/** All at once first, then one by one: an entry that cannot be taken goes back to what is set aside, and holds up nothing. */
async function applyLate(
  tx: TransactionSql,
  options: ConsumeOptions,
  entries: LogEntry[],
): Promise<LogEntry[]> {
  if (entries.length === 0) return []
  try {
    await tx.savepoint((sp) => options.projection.apply(sp, entries.map(readingOf)))
    return entries
  } catch (error) {
    if (isTransient(error)) throw error
  }
  const applied: LogEntry[] = []
  for (const entry of entries) {
    try {
      await tx.savepoint((sp) => options.projection.apply(sp, [readingOf(entry)]))
      applied.push(entry)
    } catch (error) {
      if (isTransient(error)) throw error
      await setAside(tx, entry, `${options.projection.consumer}: ${(error as Error).message}`)
      await options.onSetAside(tx, entry)
    }
  }
  return applied
}
