/** The end of the log as the stream to browsers needs it: what happened, without the text. */
import type { Sql } from 'postgres'
import { LOG_PARTITIONS, type LogEntry } from './entry.ts'

export type TailEntry = Pick<
  LogEntry,
  'partition' | 'position' | 'receivedAt' | 'tenantId' | 'siteId' | 'kind' | 'stationId' | 'sessionId'
> & {
  /** Of a site's fact: where in its journal it stands. */
  stream: string | null
  seq: number | null
}

/** How far a consumer is in every partition, and where the log ends; indexed by partition. */
export async function progressOf(sql: Sql, consumer: string): Promise<{ cursor: number; head: number }[]> {
  const rows = await sql<{ partition: number; cursor: number; head: number }[]>`
    select h.partition, coalesce(c.position, 0) as cursor, h.position as head
      from log.head h left join log.cursor c on c.partition = h.partition and c.consumer = ${consumer}`
  const progress = Array.from({ length: LOG_PARTITIONS }, () => ({ cursor: 0, head: 0 }))
  for (const row of rows) progress[row.partition] = { cursor: Number(row.cursor), head: Number(row.head) }
  return progress
}

/** Entries in (after, upTo] of a partition, oldest first, at most `limit`; telemetry and kinds in `without` are left out. */
export async function readTail(
  sql: Sql,
  partition: number,
  after: number,
  upTo: number,
  limit: number,
  without: readonly string[],
): Promise<TailEntry[]> {
  const rows = await sql`
    select partition, position, received_at, tenant_id, site_id, kind, station_id, session_id, stream, seq
      from log.entry
     where partition = ${partition} and position > ${after} and position <= ${upTo}
       and stream is distinct from 'telemetry' and kind <> all(${[...without]})
     order by position limit ${limit}`
  return rows.map((row) => ({
    partition: row.partition,
    position: Number(row.position),
    receivedAt: row.received_at,
    tenantId: row.tenant_id,
    siteId: row.site_id,
    kind: row.kind,
    stationId: row.station_id,
    sessionId: row.session_id,
    stream: row.stream,
    seq: row.seq === null ? null : Number(row.seq),
  }))
}
