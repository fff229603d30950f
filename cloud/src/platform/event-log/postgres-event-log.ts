/** The event log over Postgres. One per target, on that target's pool; the log itself is one. */
import type { Sql, TransactionSql } from 'postgres'
import { BUS, type Bus } from '../bus.ts'
import { appendLanes } from './append.ts'
import type { EventLog, OutboxFact } from './event-log.ts'
import { partitionOf } from './partition.ts'
import { type EntryRow, entryOf, rowIds } from './rows.ts'

/** Most entries that one read gives. */
export const MAX_READ = 5_000

export interface EventLogOptions {
  sql: Sql
  bus: Bus
  /** Schema of the service whose outbox `publish` writes; null: it has none. */
  schema: string | null
}

/** Reads the generation; rejects when the log has not been migrated. */
export async function createEventLog({ sql, bus, schema }: EventLogOptions): Promise<EventLog> {
  const [row] = await sql<{ id: string }[]>`select id from log.generation`
  if (!row) throw new Error('log.generation is empty: the database was not migrated to its end')
  const appended = wakeOnce<number>((partitions) => {
    for (const partition of partitions) bus.publish(BUS.appended, { partition })
  })
  const outbox = wakeOnce<string>((schemas) => {
    for (const it of schemas) bus.publish(BUS.outbox, { schema: it })
  })

  return {
    generation: row.id,
    schema,
    sql,
    partitionOf,
    async append(partition, lanes) {
      const results = await appendLanes(sql, partition, lanes)
      if (results.some((it) => it.appended)) appended(partition)
      return results
    },
    appendIn: appendLanes,
    appended,
    async judgeAnew(tx, siteId, journalIds) {
      await tx`select log.judge_anew(${siteId}, ${journalIds as string[]}::text[])`
    },
    async streamState(siteId, journalId, stream) {
      const [held] = await sql<{ last: number; last_id: string }[]>`
        select last, last_id from log.lane
         where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream}`
      return held && { last: held.last, lastId: held.last_id }
    },
    rowIds: (siteId, journalId, stream, from, to) => rowIds(sql, siteId, journalId, stream, from, to),
    async read(partition, after, limit) {
      const rows = await sql<EntryRow[]>`
        select * from log.entry where partition = ${partition} and position > ${after}
         order by position limit ${Math.min(limit, MAX_READ)}`
      return rows.map(entryOf)
    },
    publish: (tx, fact) => intoOutbox(tx, schema, [fact]),
    publishAll: (tx, facts) => intoOutbox(tx, schema, facts),
    wake() {
      if (schema !== null) outbox(schema)
    },
  }
}

async function intoOutbox(
  tx: TransactionSql,
  schema: string | null,
  facts: readonly OutboxFact[],
): Promise<void> {
  if (schema === null) throw new Error('this service has no outbox')
  const of = (pick: (fact: OutboxFact) => string | null | undefined) => facts.map((it) => pick(it) ?? null)
  await tx.unsafe(
    `insert into ${schema}.outbox (tenant_id, site_id, kind, station_id, session_id, trace, text)
     select tenant, site, kind, station, session, trace, text
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
         with ordinality as f(tenant, site, kind, station, session, trace, text, ord)
      order by ord`,
    [
      of((it) => it.tenantId),
      of((it) => it.siteId),
      of((it) => it.kind),
      of((it) => it.stationId),
      of((it) => it.sessionId),
      of((it) => it.trace),
      facts.map(({ tenantId: _, siteId: __, trace: ___, ...text }) => JSON.stringify(text)),
    ],
  )
}

/** Coalesces what is to be woken within one turn of the event loop. */
function wakeOnce<T>(publish: (all: Set<T>) => void): (one: T) => void {
  let waiting: Set<T> | undefined
  return (one) => {
    if (waiting) {
      waiting.add(one)
      return
    }
    waiting = new Set([one])
    setImmediate(() => {
      const all = waiting ?? new Set()
      waiting = undefined
      publish(all)
    })
  }
}
