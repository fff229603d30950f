/** Between the table log.entry and the shape of an entry. */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { LogEntry } from './entry.ts'

export interface EntryRow {
  partition: number
  position: number
  received_at: Date
  tenant_id: string
  site_id: string | null
  kind: string
  station_id: string | null
  session_id: string | null
  journal_id: string | null
  stream: string | null
  seq: number | null
  row_id: string | null
  authority: boolean | null
  producer: string | null
  producer_n: number | null
  trace: string | null
  /** Bytes, or text where the statement asked for that. */
  body: Buffer | string
}

export function entryOf(row: EntryRow): LogEntry {
  return {
    partition: row.partition,
    position: row.position,
    receivedAt: row.received_at,
    tenantId: row.tenant_id,
    siteId: row.site_id,
    kind: row.kind,
    stationId: row.station_id,
    sessionId: row.session_id,
    journal:
      row.journal_id === null
        ? null
        : {
            journalId: row.journal_id,
            stream: row.stream ?? '',
            seq: row.seq ?? 0,
            rowId: row.row_id ?? '',
            authority: row.authority ?? false,
          },
    producer: row.producer === null ? null : { name: row.producer, n: row.producer_n ?? 0 },
    trace: row.trace,
    text: typeof row.body === 'string' ? row.body : row.body.toString('utf8'),
  }
}

/** Ids of the stored rows from..to, by seq. */
export async function rowIds(
  sql: Sql | TransactionSql,
  siteId: string,
  journalId: string,
  stream: Stream,
  from: number,
  to: number,
): Promise<Map<number, string>> {
  const rows = await sql<{ seq: number; row_id: string }[]>`
    select seq, row_id from log.entry
     where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream} and seq between ${from} and ${to}`
  return new Map(rows.map((it) => [it.seq, it.row_id]))
}

/** Kind under which a row is kept whose text cannot be read. */
export const UNREADABLE = 'unreadable'

/** What Postgres text can hold: no NUL, no half of a surrogate pair. The exact text lies in the body. */
export function sanitised(text: string): string {
  return wellFormed(text.replaceAll('\0', ''), '\uFFFD')
}

/** Any half of a pair, alone or not: most texts have none, and this is quick to see. */
const HALF = /[\uD800-\uDFFF]/
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** UTF-8 cannot carry half of a surrogate pair; in JSON its escape says the same. */
export function encodable(text: string): string {
  return wellFormed(text, undefined)
}

function wellFormed(text: string, replacement: string | undefined): string {
  if (!HALF.test(text)) return text
  return text.replace(LONE_SURROGATE, (it) => replacement ?? `\\u${it.charCodeAt(0).toString(16)}`)
}
