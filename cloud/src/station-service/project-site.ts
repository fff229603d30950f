/** Whether a site is heard from, and how much of its journal is here. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'

export async function projectSite(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  const { siteId, tenantId, position, receivedAt } = entry
  if (siteId === null) return
  switch (fact.kind) {
    case 'site.registered':
      await tx`
        insert into station.site (site_id, tenant_id, name, time_zone, created_at)
        values (${siteId}, ${tenantId}, ${fact.data.name}, ${fact.data.timeZone}, ${receivedAt})
        on conflict (site_id) do nothing`
      return
    case 'site.online':
      await ensureSite(tx, entry)
      await tx`
        update station.site set
          presence_since = case when online then presence_since else ${receivedAt} end, online = true,
          last_heard_at = greatest(last_heard_at, ${receivedAt}),
          ledger_seq = case when journal_id is distinct from ${fact.data.journalId} then 0 else ledger_seq end,
          telemetry_seq = case when journal_id is distinct from ${fact.data.journalId} then 0 else telemetry_seq end,
          journal_id = ${fact.data.journalId}, position = ${position}
        where site_id = ${siteId} and tenant_id = ${tenantId} and position < ${position}`
      return
    case 'site.offline':
      await ensureSite(tx, entry)
      await tx`
        update station.site set
          presence_since = case when online then ${receivedAt} else presence_since end, online = false,
          last_heard_at = greatest(last_heard_at, ${fact.data.lastHeardAt}::timestamptz), position = ${position}
        where site_id = ${siteId} and tenant_id = ${tenantId} and position < ${position}`
      return
    default:
      if (entry.journal?.authority) await journalMoved(tx, entry, entry.journal)
  }
}

/** A fact may come before the site's own row, when a log is projected anew. */
async function ensureSite(tx: TransactionSql, { siteId, tenantId, receivedAt }: LogEntry): Promise<void> {
  await tx`
    insert into station.site (site_id, tenant_id, name, time_zone, created_at)
    values (${siteId}, ${tenantId}, ${siteId}, 'UTC', ${receivedAt})
    on conflict (site_id) do nothing`
}

async function journalMoved(
  tx: TransactionSql,
  entry: LogEntry,
  { journalId, stream, seq }: NonNullable<LogEntry['journal']>,
): Promise<void> {
  const ledger = stream === 'ledger' ? seq : 0
  const telemetry = stream === 'telemetry' ? seq : 0
  const moved = await tx`
    update station.site set
      ledger_seq = case when journal_id = ${journalId} then greatest(ledger_seq, ${ledger}) else ${ledger} end,
      telemetry_seq = case when journal_id = ${journalId} then greatest(telemetry_seq, ${telemetry}) else ${telemetry} end,
      journal_id = ${journalId}, last_heard_at = greatest(last_heard_at, ${entry.receivedAt}),
      position = ${entry.position}
    where site_id = ${entry.siteId} and tenant_id = ${entry.tenantId} and position < ${entry.position}`
  if (moved.count > 0) return
  const known = await tx`select 1 from station.site where site_id = ${entry.siteId}`
  if (known.length > 0) return
  await ensureSite(tx, entry)
  await journalMoved(tx, entry, { journalId, stream, seq, rowId: '', authority: true })
}
