/** Tariffs, their revisions, and which one a session is billed by. */
import { type Tariff, tariff as tariffShape } from '@switchyard/protocol/pricing/tariff.ts'
import type { Sql, TransactionSql } from 'postgres'

type AnySql = Sql | TransactionSql
export type Scope = 'default' | 'site' | 'station'

export interface TariffRow {
  tariff_id: string
  revision: number
  body: Tariff
  valid_from: Date
}

/** The tariffs that are not deleted, each by its newest revision, in the order of their ids. */
export async function listTariffs(
  sql: AnySql,
  filter: { tenantId: string; tariffId?: string | undefined; afterId?: string | undefined },
  limit: number,
): Promise<TariffRow[]> {
  return await sql<TariffRow[]>`
    select tariff_id, revision, body, valid_from from (
      select distinct on (tariff_id) * from billing.tariff
      where tenant_id = ${filter.tenantId} and tariff_id > ${filter.afterId ?? ''}
        ${filter.tariffId === undefined ? sql`` : sql`and tariff_id = ${filter.tariffId}`}
      order by tariff_id, revision desc
    ) newest where not deleted order by tariff_id limit ${limit}`
}

/** The next revision; the caller holds the tariff's lock (`lockTariff`). */
export async function addRevision(
  tx: TransactionSql,
  tenantId: string,
  tariff: Tariff,
  validFrom: Date,
  deleted = false,
): Promise<void> {
  await tx`
    insert into billing.tariff (tenant_id, tariff_id, revision, body, valid_from, deleted)
    select ${tenantId}, ${tariff.id}, coalesce(max(revision), 0) + 1, ${tx.json(tariff)}, ${validFrom}, ${deleted}
    from billing.tariff where tenant_id = ${tenantId} and tariff_id = ${tariff.id}`
}

/** One writer at a time per tenant, so that revisions and documents follow each other. */
export async function lockTariffs(tx: TransactionSql, tenantId: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtext('billing.tariff'), hashtext(${tenantId}))`
}

export interface Assignment {
  tenantId: string
  scope: Scope
  /** Site or station id; '' for the default. */
  scopeId: string
  siteId: string | null
  tariffId: string | null
  validFrom: Date
  source: string | null
}

export async function assign(tx: TransactionSql, a: Assignment): Promise<void> {
  await tx`
    insert into billing.assignment (tenant_id, scope, scope_id, site_id, tariff_id, valid_from, source)
    values (${a.tenantId}, ${a.scope}, ${a.scopeId}, ${a.siteId}, ${a.tariffId}, ${a.validFrom}, ${a.source})
    on conflict (source) do nothing`
}

export interface Applies {
  scope: Scope
  scope_id: string
  site_id: string | null
  tariff_id: string
}

/** Where tariffs apply now. */
export async function currentAssignments(sql: AnySql, tenantId: string): Promise<Applies[]> {
  return await sql<Applies[]>`
    select scope, scope_id, site_id, tariff_id from (
      select distinct on (scope, scope_id) * from billing.assignment
      where tenant_id = ${tenantId} order by scope, scope_id, valid_from desc, n desc
    ) newest where tariff_id is not null order by scope, scope_id`
}

/**
 * The tariff that was in force where and when a session started: the station's, else its site's, else the tenant's default.
 * When none was in force yet (an old session that comes late), the one that is now. Undefined: there is none.
 */
export async function tariffOf(
  sql: AnySql,
  session: { tenantId: string; siteId: string; stationId: string; startedAt: string },
): Promise<Tariff | undefined> {
  return (await tariffAt(sql, session, session.startedAt)) ?? (await tariffAt(sql, session, 'infinity'))
}

async function tariffAt(
  sql: AnySql,
  { tenantId, siteId, stationId }: { tenantId: string; siteId: string; stationId: string },
  at: string,
): Promise<Tariff | undefined> {
  // As text: the parameter may be 'infinity', which is no date to the client.
  const [row] = await sql<{ body: unknown }[]>`
    with applies as (
      select distinct on (scope) scope, tariff_id from billing.assignment
      where tenant_id = ${tenantId} and valid_from <= ${at}::text::timestamptz
        and ((scope = 'station' and scope_id = ${stationId}) or (scope = 'site' and scope_id = ${siteId})
             or scope = 'default')
      order by scope, valid_from desc, n desc
    )
    select t.body from applies a
    join billing.tariff t on t.tenant_id = ${tenantId} and t.tariff_id = a.tariff_id and not t.deleted
    where a.tariff_id is not null
    order by case a.scope when 'station' then 1 when 'site' then 2 else 3 end,
             t.valid_from <= ${at}::text::timestamptz desc,
             case when t.valid_from <= ${at}::text::timestamptz then t.revision else -t.revision end desc
    limit 1`
  return row && tariffShape.parse(row.body)
}
