/** In a new life of the log every document of a site is published again: sites may have seen later versions than this database knows. */
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { lockSite, type PublishContext, publishSite, publishStations, publishText } from './documents.ts'

/** Documents that one transaction publishes. */
const AT_ONCE = 100
/** What another process has begun and not finished is looked for this often. */
const POLL_MS = 60_000

export function startRepublishing(context: ServiceContext): Loop {
  const { clock, log, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'documents of an earlier generation',
    pollMs: POLL_MS,
    work: async () => {
      const published = await republish(context)
      if (published > 0) eventLog.wake()
      return published === AT_ONCE
    },
  })
}

/** Publishes the next documents of earlier generations; gives how many were looked at. */
export async function republish({
  sql,
  eventLog,
  clock,
}: Pick<ServiceContext, 'sql' | 'eventLog' | 'clock'>): Promise<number> {
  return await sql.begin(async (tx) => {
    const documents = await tx<{ site_id: string; tenant_id: string; name: string }[]>`
      select site_id, tenant_id, name from station.document where generation is distinct from ${eventLog.generation}
      order by site_id, name limit ${AT_ONCE}`
    for (const { site_id: siteId, tenant_id: tenantId, name } of documents) {
      const context = { eventLog, tenantId, siteId, at: new Date(clock.now()), trace: undefined }
      await lockSite(tx, siteId)
      await republishOne(tx, context, name)
    }
    return documents.length
  })
}

async function republishOne(tx: TransactionSql, context: PublishContext, name: string): Promise<void> {
  const { eventLog, siteId } = context
  // Read again under the lock: another process may have been here.
  const [document] = await tx<{ body: string | null; time_zone: string }[]>`
    select d.body, s.time_zone from station.document d join station.site s on s.site_id = d.site_id
     where d.site_id = ${siteId} and d.name = ${name} and d.generation is distinct from ${eventLog.generation}`
  if (document === undefined) return
  if (document.body !== null) return await publishText(tx, context, name, document.body)
  // From before bodies were kept: they follow from the tables.
  if (name === 'stations') return await publishStations(tx, context)
  await publishSite(tx, context, { timeZone: document.time_zone })
}
