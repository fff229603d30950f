/**
 * Runs a projection: takes a log partition that is behind, applies its next entries and moves the cursor in one transaction.
 * Any number of processes may do this at once; they share the partitions by row locks.
 */
import type { TransactionSql } from 'postgres'
import { isTransient } from '../postgres.ts'
import { type ConsumerPlace, moveCursor } from './cursor.ts'
import type { LogEntry, Reading } from './entry.ts'
import { type Parked, park, parkedKeys, parkKey } from './parked.ts'
import { readEntry } from './read-entry.ts'
import { tracedReadings } from './reading-hops.ts'
import { type EntryRow, entryOf, sanitised } from './rows.ts'

/** Most entries that one transaction applies. */
export const CONSUME_BATCH = 2_000
/** Most positions that it moves over: who takes few of the entries need not stop as often as who takes all. */
export const CONSUME_SPAN = 10_000

export interface ConsumeOptions extends ConsumerPlace {
  /** Told in the same transaction when a site is parked, so that an alert goes out with it. */
  onParked(tx: TransactionSql, parked: Parked): Promise<void>
  /** Told in the same transaction when an entry that came late is set aside. */
  onSetAside(tx: TransactionSql, entry: LogEntry): Promise<void>
  /** Told in the transaction in which a parked site has caught up again. */
  onReplayed(
    tx: TransactionSql,
    parked: Pick<Parked, 'consumer' | 'parkKey' | 'tenantId' | 'siteId'>,
  ): Promise<void>
}

/** What one transaction did; undefined when no partition is behind (or others are at all of them). */
export interface Consumed {
  partition: number
  applied: LogEntry[]
  parked: Parked[]
}

/** One transaction. Rejects with what the database said; what an entry does wrong parks its site instead. */
export async function consumeOnce(options: ConsumeOptions): Promise<Consumed | undefined> {
  const { sql, projection, log } = options
  const consumed = (await sql.begin((tx) => consumeWithin(tx, options))) as Consumed | undefined
  if (!consumed) return undefined
  for (const it of consumed.parked) {
    log.error(
      {
        consumer: projection.consumer,
        siteId: it.siteId,
        partition: it.partition,
        position: it.position,
        reason: it.reason,
      },
      'a fact could not be taken; its site is parked for this consumer until it is replayed',
    )
  }
  if (consumed.applied.length > 0) tellCommitted(options, consumed.applied)
  return consumed
}

/** The commit stands whatever comes of this; what it missed is found again by polling. */
export function tellCommitted({ projection, log }: ConsumeOptions, applied: LogEntry[]): void {
  try {
    projection.committed?.(applied)
  } catch (error) {
    log.error({ err: error, consumer: projection.consumer }, 'what follows a commit failed')
  }
}

interface Cursor {
  partition: number
  position: number
  received_at: Date
  head: number
}

async function consumeWithin(tx: TransactionSql, options: ConsumeOptions): Promise<Consumed | undefined> {
  const { consumer, kinds } = options.projection
  // A process that began in an earlier life of the log takes nothing more: it is about to end (generation-watch.ts).
  const [cursor] = await tx<Cursor[]>`
    select c.partition, c.position, c.received_at, h.position as head
      from log.cursor c join log.head h on h.partition = c.partition
     where c.consumer = ${consumer} and c.position < h.position
       and exists (select 1 from log.generation where id = ${options.generation})
     order by h.position - c.position desc limit 1 for update of c skip locked`
  if (!cursor) return undefined
  const end = Math.min(cursor.head, cursor.position + CONSUME_SPAN)
  // The bound on received_at lets Postgres skip the days before; it never decreases within a partition. What can be read is
  // UTF-8 without NUL, and as text it is half as long on its way as in hex.
  const rows = await tx<EntryRow[]>`
    select partition, position, received_at, tenant_id, site_id, kind, station_id, session_id, journal_id, stream, seq, row_id,
           authority, producer, producer_n, trace,
           case when kind = any(${kinds as string[]}::text[]) then convert_from(body, 'UTF8') else '' end as body
      from log.entry
     where partition = ${cursor.partition} and position > ${cursor.position} and position <= ${end}
       and received_at >= ${cursor.received_at}
       and (kind = any(${kinds as string[]}::text[]) or position = ${end})
     order by position limit ${CONSUME_BATCH}`
  const last = rows.at(-1)
  const upTo = last && rows.length === CONSUME_BATCH ? last.position : end
  const held = await parkedKeys(tx, consumer, cursor.partition)
  const entries = rows.map(entryOf).filter((it) => kinds.includes(it.kind) && !held.has(parkKey(it)))
  const { applied, parked } = await applyAll(tx, options, entries)
  await moveCursor(tx, options, {
    partition: cursor.partition,
    position: upTo,
    receivedAt: last?.received_at ?? null,
  })
  return { partition: cursor.partition, applied, parked }
}

/** All at once first; if that fails, one by one, so that only the entry that cannot be taken parks its site. */
export async function applyAll(
  tx: TransactionSql,
  options: ConsumeOptions,
  entries: LogEntry[],
): Promise<{ applied: LogEntry[]; parked: Parked[] }> {
  if (entries.length === 0) return { applied: [], parked: [] }
  try {
    await tx.savepoint(async (sp) => {
      await applyTraced(sp, options, entries)
    })
    return { applied: entries, parked: [] }
  } catch (error) {
    if (isTransient(error)) throw error
  }
  const applied: LogEntry[] = []
  const parked = new Map<string, Parked>()
  for (const entry of entries) {
    const key = parkKey(entry)
    if (parked.has(key)) continue
    try {
      await tx.savepoint((sp) => applyTraced(sp, options, [entry]))
      applied.push(entry)
    } catch (error) {
      if (isTransient(error)) throw error
      const it = await park(tx, options.projection.consumer, entry, (error as Error).message)
      await options.onParked(tx, it)
      parked.set(key, it)
    }
  }
  return { applied, parked: [...parked.values()] }
}

async function applyTraced(tx: TransactionSql, options: ConsumeOptions, entries: LogEntry[]): Promise<void> {
  const { consumer } = options.projection
  const { readings, end } = tracedReadings(consumer, entries.map(readingOf))
  try {
    await options.projection.apply(tx, readings)
    end()
  } catch (error) {
    end((error as Error).message)
    throw error
  }
}

/** Throws when the text cannot be read by the shape of its kind. */
export function readingOf(entry: LogEntry): Reading {
  const read = readEntry(entry)
  if (!read.ok) throw new Error(read.reason)
  // What a site tells carries its trace within, each fact its own.
  const said = 'trace' in read.read ? read.read.trace : undefined
  // It goes into columns, as what it is a part of does.
  const trace = said === undefined ? undefined : sanitised(said)
  return { entry: trace && entry.trace === null ? { ...entry, trace } : entry, read: read.read }
}
