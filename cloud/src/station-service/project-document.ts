/** Which version of each document a site has, and why it would not take one. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'

export async function projectDocument(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  const { siteId, tenantId, position } = entry
  if (siteId === null || entry.journal?.authority === false) return
  if (fact.kind === 'document.applied') {
    const { name, generation, n } = fact.data
    await tx`
      insert into station.document_at_site as d (site_id, name, tenant_id, applied_generation, applied_n, position)
      values (${siteId}, ${name}, ${tenantId}, ${generation}, ${n}, ${position})
      on conflict (site_id, name) do update set
        applied_generation = excluded.applied_generation, applied_n = excluded.applied_n,
        rejected_n = case when d.rejected_n > excluded.applied_n then d.rejected_n end,
        rejected_reason = case when d.rejected_n > excluded.applied_n then d.rejected_reason end,
        position = excluded.position
      where d.position < excluded.position`
  }
  if (fact.kind === 'document.rejected') {
    const { name, n, reason } = fact.data
    await tx`
      insert into station.document_at_site as d (site_id, name, tenant_id, rejected_n, rejected_reason, position)
      values (${siteId}, ${name}, ${tenantId}, ${n}, ${reason}, ${position})
      on conflict (site_id, name) do update set
        rejected_n = excluded.rejected_n, rejected_reason = excluded.rejected_reason, position = excluded.position
      where d.position < excluded.position`
  }
}
