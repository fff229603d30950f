/** The document `tariffs` of each site: with it the site tells running cost. Marked by a change, made a moment later. */
import { createHash } from 'node:crypto'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import type { Sql, TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { currentAssignments, listTariffs } from './tariffs.ts'

/** A document that was marked by another process is made this soon. */
const POLL_MS = 1_000
/** Sites whose documents one transaction makes. */
const SITES_AT_ONCE = 100
/** Most tariffs of a tenant; all of them are read to make a document. */
export const MAX_TARIFFS = 1_000

/** In the transaction that changes a tariff or where it applies. */
export async function markTenant(tx: TransactionSql, tenantId: string): Promise<void> {
  await tx`update billing.document set dirty = true where tenant_id = ${tenantId} and not dirty`
}

export async function markSite(tx: TransactionSql, tenantId: string, siteId: string): Promise<void> {
  await tx`
    insert into billing.document (site_id, tenant_id, dirty) values (${siteId}, ${tenantId}, true)
    on conflict (site_id) do update set dirty = true where billing.document.tenant_id = excluded.tenant_id`
}

/** In a new life of the log every document is published again: sites may have seen later versions than this database knows. */
export async function markOfEarlierGenerations(sql: Sql, generation: string): Promise<void> {
  await sql`update billing.document set dirty = true where generation is distinct from ${generation}`
}

export function startTariffsPublisher(context: ServiceContext): Loop {
  const { sql, clock, log, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'tariffs documents',
    pollMs: POLL_MS,
    work: async () => {
      const made = await publishMarked(sql, context)
      if (made > 0) eventLog.wake()
      return made === SITES_AT_ONCE
    },
  })
}

/** Makes the documents that are marked, at most SITES_AT_ONCE; gives how many were looked at. */
export async function publishMarked(
  sql: Sql,
  { eventLog, clock }: Pick<ServiceContext, 'eventLog' | 'clock'>,
): Promise<number> {
  return await sql.begin(async (tx) => {
    const documents = await tx<
      { site_id: string; tenant_id: string; n: number; sha256: string | null; generation: string | null }[]
    >`
      select site_id, tenant_id, n, sha256, generation from billing.document where dirty
      order by site_id limit ${SITES_AT_ONCE} for update skip locked`
    const bodies = new Map<string, (siteId: string) => DocumentBody<'tariffs'>>()
    const { generation } = eventLog
    for (const { site_id: siteId, tenant_id: tenantId, n, ...before } of documents) {
      const bodyOf = bodies.get(tenantId) ?? (await bodiesOf(tx, tenantId))
      bodies.set(tenantId, bodyOf)
      const text = JSON.stringify(bodyOf(siteId))
      const sha256 = createHash('sha256').update(text, 'utf8').digest('hex')
      const isNew = sha256 !== before.sha256 || generation !== before.generation
      await tx`
        update billing.document set dirty = false, n = ${isNew ? n + 1 : n}, sha256 = ${sha256},
          generation = ${generation} where site_id = ${siteId}`
      if (!isNew) continue
      await eventLog.publish(tx, {
        tenantId,
        siteId,
        kind: 'document.published',
        at: new Date(clock.now()).toISOString(),
        data: {
          name: 'tariffs',
          version: { generation, n: n + 1 },
          sha256,
          body: text,
        },
      })
    }
    return documents.length
  })
}

async function bodiesOf(
  tx: TransactionSql,
  tenantId: string,
): Promise<(siteId: string) => DocumentBody<'tariffs'>> {
  const tariffs = new Map(
    (await listTariffs(tx, { tenantId }, MAX_TARIFFS)).map((row) => [row.tariff_id, row.body]),
  )
  const assignments = await currentAssignments(tx, tenantId)
  return (siteId) => {
    const ofSite = assignments.find((a) => a.scope === 'site' && a.scope_id === siteId)
    const ofTenant = assignments.find((a) => a.scope === 'default')
    const general = tariffs.get(ofSite?.tariff_id ?? '') ?? tariffs.get(ofTenant?.tariff_id ?? '')
    const byStation: DocumentBody<'tariffs'>['byStation'] = {}
    for (const a of assignments) {
      const own = a.scope === 'station' && a.site_id === siteId ? tariffs.get(a.tariff_id) : undefined
      if (own !== undefined) byStation[a.scope_id] = own
    }
    return { ...(general === undefined ? {} : { default: general }), byStation }
  }
}
