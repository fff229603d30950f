/** Drivers and tokens in their tables; every query is scoped by the tenant. */
import { bucketOf, type Token } from '@switchyard/protocol/site/buckets.ts'
import { EMAID, emaidWritings } from '@switchyard/protocol/site/emaid.ts'
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
  charging_priority: number | null
  language: string | null
  personal_message: string | null
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

/** Tokens that a presented identifier stands for; without a type of its own, all with that identifier; for an eMAID, each of its writings. */
export async function tokensPresented(
  sql: AnySql,
  tenantId: string,
  idToken: string,
  type: string | undefined,
): Promise<TokenRow[]> {
  const anyType = type === undefined || type === ANY_TYPE
  return await sql<TokenRow[]>`
    select * from driver.token
    where tenant_id = ${tenantId}
      and (id_token_key = upper(${idToken}) and (${anyType} or type = ${type ?? ''} or type = ${ANY_TYPE})
           or id_token_key = any(${emaidWritings({ value: idToken, type: type ?? ANY_TYPE })}::text[]) and type = ${EMAID})`
}

/** A token as it shall be; a field that is undefined stays as it was. */
export interface TokenUpsert {
  idToken: string
  type: string
  status: TokenStatus | undefined
  expiresAt: string | null | undefined
  groupId: string | null | undefined
  driverId: string | null | undefined
  chargingPriority: number | null | undefined
  language: string | null | undefined
  personalMessage: string | null | undefined
}

/**
 * Makes or changes tokens, each identifier and type at most once; a new one is accepted, unless said otherwise. Gives the
 * rows as they are then, and which of them are new.
 */
export async function upsertTokens(
  tx: TransactionSql,
  tenantId: string,
  tokens: readonly TokenUpsert[],
  at: Date,
): Promise<(TokenRow & { made: boolean })[]> {
  const of = <T>(pick: (token: TokenUpsert) => T | null | undefined) => tokens.map((it) => pick(it) ?? null)
  const given = (pick: (token: TokenUpsert) => unknown) => tokens.map((it) => String(pick(it) !== undefined))
  return await tx<(TokenRow & { made: boolean })[]>`
    with given as (
      select * from unnest(
        ${of((it) => it.idToken)}::text[], ${of((it) => it.type)}::text[], ${tokens.map((it) => bucketOf(it.idToken))}::smallint[],
        ${of((it) => it.status)}::text[], ${of((it) => it.expiresAt)}::timestamptz[], ${given((it) => it.expiresAt)}::text[]::boolean[],
        ${of((it) => it.groupId)}::text[], ${given((it) => it.groupId)}::text[]::boolean[],
        ${of((it) => it.driverId)}::text[], ${given((it) => it.driverId)}::text[]::boolean[],
        ${of((it) => it.chargingPriority)}::smallint[], ${given((it) => it.chargingPriority)}::text[]::boolean[],
        ${of((it) => it.language)}::text[], ${given((it) => it.language)}::text[]::boolean[],
        ${of((it) => it.personalMessage)}::text[], ${given((it) => it.personalMessage)}::text[]::boolean[]
      ) as g(id_token, type, bucket, status, expires_at, has_expires_at, group_id, has_group_id, driver_id, has_driver_id,
             charging_priority, has_charging_priority, language, has_language, personal_message, has_personal_message)
    ), before as (
      select t.* from driver.token t join given g
        on t.tenant_id = ${tenantId} and t.id_token_key = upper(g.id_token) and t.type = g.type
    )
    insert into driver.token as t (tenant_id, id_token, type, bucket, status, expires_at, group_id, driver_id,
      charging_priority, language, personal_message, changed_at)
    select ${tenantId}, g.id_token, g.type, g.bucket, coalesce(g.status, b.status, 'Accepted'),
           case when g.has_expires_at then g.expires_at else b.expires_at end,
           case when g.has_group_id then g.group_id else b.group_id end,
           case when g.has_driver_id then g.driver_id else b.driver_id end,
           case when g.has_charging_priority then g.charging_priority else b.charging_priority end,
           case when g.has_language then g.language else b.language end,
           case when g.has_personal_message then g.personal_message else b.personal_message end, ${at}
      from given g left join before b on b.id_token_key = upper(g.id_token) and b.type = g.type
     order by upper(g.id_token), g.type
    on conflict (tenant_id, id_token_key, type) do update set
      id_token = excluded.id_token, bucket = excluded.bucket, changed_at = excluded.changed_at,
      status = excluded.status, expires_at = excluded.expires_at, group_id = excluded.group_id,
      driver_id = excluded.driver_id, charging_priority = excluded.charging_priority, language = excluded.language,
      personal_message = excluded.personal_message
    returning t.*, (xmax = 0) as made`
}

/** Tokens with exactly this identifier, in whatever case, of one type or of all. */
export async function tokensNamed(
  sql: AnySql,
  tenantId: string,
  idToken: string,
  type: string | undefined,
): Promise<TokenRow[]> {
  return await sql<TokenRow[]>`
    select * from driver.token
    where tenant_id = ${tenantId} and id_token_key = upper(${idToken})
      and (${type === undefined} or type = ${type ?? ''})
    order by type`
}

/** False: there was none. */
export async function deleteToken(
  tx: TransactionSql,
  tenantId: string,
  { id_token_key, type }: Pick<TokenRow, 'id_token_key' | 'type'>,
): Promise<boolean> {
  const rows = await tx`
    delete from driver.token
    where tenant_id = ${tenantId} and id_token_key = ${id_token_key} and type = ${type} returning 1`
  return rows.length > 0
}

/** Tokens of these buckets, as the document for sites tells them. */
export async function tokensIn(
  tx: TransactionSql,
  tenantId: string,
  buckets: readonly number[],
): Promise<Token[]> {
  const rows = await tx<TokenRow[]>`
    select id_token, type, status, expires_at, group_id, charging_priority, language, personal_message from driver.token
     where tenant_id = ${tenantId} and bucket = any(${[...buckets]}::smallint[])`
  return rows.map((row) => ({
    idToken: row.id_token,
    type: row.type,
    status: row.status,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
    ...(row.group_id === null ? {} : { groupId: row.group_id }),
    ...(row.charging_priority === null ? {} : { chargingPriority: row.charging_priority }),
    ...(row.language === null ? {} : { language: row.language }),
    ...(row.personal_message === null ? {} : { personalMessage: row.personal_message }),
  }))
}

/** Those of these drivers that there are. */
export async function knownDrivers(
  sql: AnySql,
  tenantId: string,
  driverIds: readonly string[],
): Promise<Set<string>> {
  const rows = await sql<{ driver_id: string }[]>`
    select driver_id from driver.driver where tenant_id = ${tenantId} and driver_id = any(${[...driverIds]}::text[])`
  return new Set(rows.map((it) => it.driver_id))
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
