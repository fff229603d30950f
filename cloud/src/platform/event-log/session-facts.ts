/** What stands in the log of one session: for a person who looks into it, never for a projection. */
import type { Sql } from 'postgres'
import type { LogEntry } from './entry.ts'
import { type EntryRow, entryOf } from './rows.ts'

/** Where a site's fact stands. */
export interface JournalPlace {
  journalId: string
  stream: string
  seq: number
}

/** Facts of a session in the ledger and of the services, oldest first; its registers, readings and signed values are left out. */
export async function factsOfSession(
  sql: Sql,
  { tenantId, sessionId }: { tenantId: string; sessionId: string },
  limit: number,
): Promise<LogEntry[]> {
  const rows = await sql<EntryRow[]>`
    select * from log.entry
     where session_id = ${sessionId} and tenant_id = ${tenantId} and stream is distinct from 'telemetry'
       and kind not in ('session.register', 'session.signed')
     order by received_at, position limit ${limit}`
  return rows.map(entryOf)
}

/** The fact at one place of a site's journal, where it is in the log. */
export async function factAt(
  sql: Sql,
  { tenantId, siteId }: { tenantId: string; siteId: string },
  { journalId, stream, seq }: JournalPlace,
): Promise<LogEntry | undefined> {
  const rows = await sql<EntryRow[]>`
    select * from log.entry
     where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream} and seq = ${seq}
       and tenant_id = ${tenantId} limit 1`
  return rows[0] && entryOf(rows[0])
}

/** The newest readings of a session that came within a window, oldest first. The window is what bounds the search. */
export async function readingsOfSession(
  sql: Sql,
  { siteId, sessionId, journalId }: { siteId: string; sessionId: string; journalId: string },
  { from, to }: { from: Date; to: Date },
  limit: number,
): Promise<LogEntry[]> {
  const rows = await sql<EntryRow[]>`
    select * from log.entry
     where site_id = ${siteId} and journal_id = ${journalId} and stream = 'telemetry' and session_id = ${sessionId}
       and received_at >= ${from} and received_at <= ${to} and kind = 'session.meter'
     order by seq desc limit ${limit}`
  return rows.map(entryOf).reverse()
}

/** The newest signed meter values of a session, oldest first. */
export async function signedOfSession(
  sql: Sql,
  { tenantId, sessionId }: { tenantId: string; sessionId: string },
  limit: number,
): Promise<LogEntry[]> {
  const rows = await sql<EntryRow[]>`
    select * from log.entry
     where session_id = ${sessionId} and tenant_id = ${tenantId} and kind = 'session.signed'
     order by received_at desc, position desc limit ${limit}`
  return rows.map(entryOf).reverse()
}
