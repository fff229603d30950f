/**
 * Rows that are set aside: in the log with their exact bytes, acknowledged, and seen by no projection, because this version
 * could not read them. A later one may: then they are released, and every consumer takes them afterwards (backfill).
 */
import type { Sql, TransactionSql } from 'postgres'
import type { CloudFact } from './cloud-fact.ts'
import type { LogEntry } from './entry.ts'
import { readEntry } from './read-entry.ts'
import { type EntryRow, entryOf, sanitised } from './rows.ts'

/** Longest reason kept, characters. */
const MAX_REASON_CHARS = 2_000
/** Most rows that one transaction releases; the next call goes on. */
export const RELEASE_BATCH = 200

export interface PoisonRow {
  partition: number
  position: number
  site_id: string | null
  journal_id: string | null
  stream: string | null
  seq: number | null
  reason: string
  set_aside_at: Date
  body: Buffer
}

/** Of a tenant, or of one of its sites; in the order of the log, after a place. */
export async function listPoison(
  sql: Sql,
  tenantId: string,
  siteId: string | undefined,
  after: { partition: number; position: number },
  limit: number,
): Promise<PoisonRow[]> {
  return await sql<PoisonRow[]>`
    select p.partition, p.position, p.site_id, p.journal_id, p.stream, p.seq, p.reason, p.set_aside_at, e.body
      from log.poison p
      join log.entry e on e.partition = p.partition and e.position = p.position and e.received_at = p.received_at
     where p.tenant_id = ${tenantId} and (${siteId === undefined} or p.site_id = ${siteId ?? ''})
       and (p.partition, p.position) > (${after.partition}, ${after.position})
     order by p.partition, p.position limit ${limit}`
}

/** Puts an entry aside that a consumer could not take when it was its turn at last. */
export async function setAside(tx: TransactionSql, entry: LogEntry, reason: string): Promise<void> {
  const { partition, position, receivedAt, tenantId, siteId, journal } = entry
  await tx`
    insert into log.poison (partition, position, received_at, tenant_id, site_id, journal_id, stream, seq, reason)
    select e.partition, e.position, e.received_at, ${tenantId}, ${siteId}, ${journal?.journalId ?? null},
           ${journal?.stream ?? null}, ${journal?.seq ?? null}, ${sanitised(reason.slice(0, MAX_REASON_CHARS))}
      from log.entry e where e.partition = ${partition} and e.position = ${position} and ${about(tx, receivedAt)}
    on conflict (partition, position) do update set reason = excluded.reason, set_aside_at = now()`
}

export interface Released {
  released: number
  /** Rows that this version cannot read either. */
  left: number
  /** Sites of which nothing is set aside any more. */
  cleared: string[]
}

/** Reads what is set aside again, with the code as it is now, and lets go what can be read. */
export async function releasePoison(
  sql: Sql,
  tenantId: string,
  siteId: string | undefined,
  /** Told in the transaction in which nothing of a site is left. */
  onCleared: (tx: TransactionSql, siteId: string) => Promise<void>,
): Promise<Released> {
  const all: Released = { released: 0, left: 0, cleared: [] }
  let after = { partition: -1, position: 0 }
  for (;;) {
    const step = (await sql.begin((tx) => releaseWithin(tx, tenantId, siteId, after, onCleared))) as Step
    all.released += step.released
    all.left += step.left
    all.cleared.push(...step.cleared)
    if (step.last === undefined) return all
    after = step.last
  }
}

interface Step extends Released {
  /** Place of the last row looked at; undefined when there are no more. */
  last: { partition: number; position: number } | undefined
}

async function releaseWithin(
  tx: TransactionSql,
  tenantId: string,
  siteId: string | undefined,
  after: { partition: number; position: number },
  onCleared: (tx: TransactionSql, siteId: string) => Promise<void>,
): Promise<Step> {
  const rows = await tx<EntryRow[]>`
    select e.* from log.poison p
      join log.entry e on e.partition = p.partition and e.position = p.position and e.received_at = p.received_at
     where p.tenant_id = ${tenantId} and (${siteId === undefined} or p.site_id = ${siteId ?? ''})
       and (p.partition, p.position) > (${after.partition}, ${after.position})
     order by p.partition, p.position limit ${RELEASE_BATCH} for update of p`
  const touched = new Set<string>()
  let released = 0
  for (const row of rows) {
    const entry = entryOf(row)
    const read = readEntry(entry)
    if (!read.ok && read.unknownKind === undefined) {
      await setAside(tx, entry, read.reason)
      continue
    }
    await release(tx, entry, read.ok ? read.read : { kind: read.unknownKind ?? '' })
    released++
    if (entry.siteId !== null) touched.add(entry.siteId)
  }
  const cleared: string[] = []
  for (const site of touched) {
    const left = await tx`select 1 from log.poison where site_id = ${site} limit 1`
    if (left.length > 0) continue
    cleared.push(site)
    await onCleared(tx, site)
  }
  const end = rows.at(-1)
  return {
    released,
    left: rows.length - released,
    cleared,
    last:
      rows.length === RELEASE_BATCH && end ? { partition: end.partition, position: end.position } : undefined,
  }
}

/** A Date holds milliseconds, the column microseconds; the bound lets Postgres look into one day only. */
function about(tx: TransactionSql, receivedAt: Date) {
  return tx`received_at >= ${receivedAt} and received_at < ${new Date(receivedAt.getTime() + 1)}`
}

/** The entry gets its kind, and whoever takes that kind is told to look here once more. */
async function release(
  tx: TransactionSql,
  { partition, position, receivedAt }: LogEntry,
  read: Pick<CloudFact, 'stationId' | 'sessionId'> & { kind: string },
): Promise<void> {
  const column = (text: string | undefined) => (text === undefined ? null : sanitised(text.slice(0, 255)))
  await tx`update log.entry set kind = ${column(read.kind)}, station_id = ${column(read.stationId)},
      session_id = ${column(read.sessionId)}
    where partition = ${partition} and position = ${position} and ${about(tx, receivedAt)}`
  await tx`delete from log.poison where partition = ${partition} and position = ${position}`
  await tx`
    insert into log.backfill (consumer, partition, kind, from_position, position, received_at, up_to)
    select consumer, ${partition}, kind, ${position - 1}, ${position - 1}, ${receivedAt}, ${position}
      from log.consumer_kind where kind = ${read.kind} on conflict do nothing`
}
