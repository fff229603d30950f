/** Drivers and tokens in their tables; every query is scoped by the tenant. */
import type { Sql, TransactionSql } from 'postgres'

type AnySql = Sql | TransactionSql

/** Type of a token that OCPP 1.6 sends, which has none; it matches a token of any type, and any matches it. */
export const ANY_TYPE = 'Central'

export const TOKEN_STATUSES = ['Accepted', 'Blocked', 'Expired', 'Invalid'] as const
export type TokenStatus = (typeof TOKEN_STATUSES)[number]

export interface TokenRow {
  id_token: string
  id_token_key: string
  type: string
  status: TokenStatus
  expires_at: Date | null
  group_id: string | null
  driver_id: string | null
}
export interface DriverRow {
  driver_id: string
  name: string
  email: string | null
  created_at: Date
}

export async function listTokens(
  sql: AnySql,
  tenantId: string,
  after: string[] | undefined,
  limit: number,
): Promise<TokenRow[]> {
  const [key = '', type = ''] = after ?? []
  return await sql<TokenRow[]>`
    select * from driver.token
    where tenant_id = ${tenantId} and (id_token_key, type) > (${key}, ${type})
    order by id_token_key, type limit ${limit}`
}

export async function findToken(
  sql: AnySql,
  tenantId: string,
  idToken: string,
  type: string,
): Promise<TokenRow | undefined> {
  const rows = await sql<TokenRow[]>`
    select * from driver.token
    where tenant_id = ${tenantId} and id_token_key = upper(${idToken}) and type = ${type}`
  return rows[0]
}

/** Tokens that a presented identifier stands for; without a type of its own, all with that identifier. */
export async function tokensPresented(
  sql: AnySql,
  tenantId: string,
  idToken: string,
  type: string | undefined,
): Promise<TokenRow[]> {
  const anyType = type === undefined || type === ANY_TYPE
  return await sql<TokenRow[]>`
    select * from driver.token
    where tenant_id = ${tenantId} and id_token_key = upper(${idToken})
      and (${anyType} or type = ${type ?? ''} or type = ${ANY_TYPE})`
}

export interface TokenUpsert {
  tenantId: string
  idToken: string
  type: string
  status: TokenStatus | undefined
  expiresAt: string | null | undefined
  groupId: string | null | undefined
  driverId: string | null | undefined
  at: Date
}

/** Makes or changes a token; a field that is undefined stays as it was. A new one is accepted, unless said otherwise. */
export async function upsertToken(tx: TransactionSql, token: TokenUpsert): Promise<TokenRow> {
  const given = (value: unknown) => value !== undefined
  const [row] = await tx<TokenRow[]>`
    insert into driver.token as t (tenant_id, id_token, type, status, expires_at, group_id, driver_id, changed_at)
    values (${token.tenantId}, ${token.idToken}, ${token.type}, ${token.status ?? 'Accepted'}, ${token.expiresAt ?? null},
            ${token.groupId ?? null}, ${token.driverId ?? null}, ${token.at})
    on conflict (tenant_id, id_token_key, type) do update set
      id_token = excluded.id_token, changed_at = excluded.changed_at,
      status = case when ${given(token.status)} then excluded.status else t.status end,
      expires_at = case when ${given(token.expiresAt)} then excluded.expires_at else t.expires_at end,
      group_id = case when ${given(token.groupId)} then excluded.group_id else t.group_id end,
      driver_id = case when ${given(token.driverId)} then excluded.driver_id else t.driver_id end
    returning *`
  return row!
}

export async function countTokens(sql: AnySql, tenantId: string): Promise<number> {
  const [row] = await sql<
    { count: number }[]
  >`select count(*)::int as count from driver.token where tenant_id = ${tenantId}`
  return row?.count ?? 0
}

export async function listDrivers(
  sql: AnySql,
  tenantId: string,
  afterId: string | undefined,
  limit: number,
): Promise<DriverRow[]> {
  return await sql<DriverRow[]>`
    select * from driver.driver where tenant_id = ${tenantId} and driver_id > ${afterId ?? ''}
    order by driver_id limit ${limit}`
}

export async function findDriver(
  sql: AnySql,
  tenantId: string,
  driverId: string,
): Promise<DriverRow | undefined> {
  const rows = await sql<DriverRow[]>`
    select * from driver.driver where tenant_id = ${tenantId} and driver_id = ${driverId}`
  return rows[0]
}

export async function insertDriver(
  sql: AnySql,
  driver: { driverId: string; tenantId: string; name: string; email: string | null; createdAt: Date },
): Promise<void> {
  await sql`
    insert into driver.driver (driver_id, tenant_id, name, email, created_at)
    values (${driver.driverId}, ${driver.tenantId}, ${driver.name}, ${driver.email}, ${driver.createdAt})`
}
