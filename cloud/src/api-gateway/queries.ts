/** What the gateway keeps: API keys, operators, sign-ins. */
import type { Sql } from 'postgres'

/** On whose behalf a request comes. */
export interface Principal {
  kind: 'api-key' | 'operator'
  id: string
  /** Name of the key, or e-mail of the operator. */
  name: string
  tenantId: string
  /** SHA-256 of the key or cookie, hex. */
  credential: string
  /** When the sign-in ends by itself, ms since the epoch; a key does not. */
  endsAt?: number
}

export async function findApiKey(sql: Sql, keyHash: Buffer): Promise<Principal | undefined> {
  const [row] = await sql<{ api_key_id: string; name: string; tenant_id: string }[]>`
    select api_key_id, name, tenant_id from gateway.api_key where key_hash = ${keyHash} and revoked_at is null`
  return (
    row && {
      kind: 'api-key',
      id: row.api_key_id,
      name: row.name,
      tenantId: row.tenant_id,
      credential: keyHash.toString('hex'),
    }
  )
}

export async function findSignIn(sql: Sql, tokenHash: Buffer, now: Date): Promise<Principal | undefined> {
  const [row] = await sql<{ operator_id: string; email: string; tenant_id: string; expires_at: Date }[]>`
    select o.operator_id, o.email, o.tenant_id, s.expires_at from gateway.sign_in s join gateway.operator o using (operator_id)
     where s.token_hash = ${tokenHash} and s.expires_at > ${now}`
  return (
    row && {
      kind: 'operator',
      id: row.operator_id,
      name: row.email,
      tenantId: row.tenant_id,
      credential: tokenHash.toString('hex'),
      endsAt: row.expires_at.getTime(),
    }
  )
}

/** Those of the credentials (SHA-256, hex) that still let somebody in. */
export async function credentialsInForce(
  sql: Sql,
  credentials: readonly string[],
  now: Date,
): Promise<Set<string>> {
  const rows = await sql<{ credential: string }[]>`
    with asked as (select distinct c, decode(c, 'hex') as hash from unnest(${credentials as string[]}::text[]) as c)
    select c as credential from asked join gateway.api_key k on k.key_hash = asked.hash where k.revoked_at is null
    union all
    select c from asked join gateway.sign_in s on s.token_hash = asked.hash where s.expires_at > ${now}`
  return new Set(rows.map((it) => it.credential))
}

export interface Operator {
  operatorId: string
  email: string
  tenantId: string
  passwordHash: string
}

export async function findOperator(sql: Sql, email: string): Promise<Operator | undefined> {
  const [row] = await sql<{ operator_id: string; email: string; tenant_id: string; password_hash: string }[]>`
    select operator_id, email, tenant_id, password_hash from gateway.operator where lower(email) = ${email.toLowerCase()}`
  return (
    row && {
      operatorId: row.operator_id,
      email: row.email,
      tenantId: row.tenant_id,
      passwordHash: row.password_hash,
    }
  )
}

/** False when there is one with this e-mail already. */
export async function insertOperator(sql: Sql, operator: Operator, now: Date): Promise<boolean> {
  const rows = await sql`
    insert into gateway.operator (operator_id, tenant_id, email, password_hash, created_at)
    values (${operator.operatorId}, ${operator.tenantId}, ${operator.email}, ${operator.passwordHash}, ${now})
    on conflict do nothing returning 1`
  return rows.length > 0
}

export async function insertSignIn(
  sql: Sql,
  tokenHash: Buffer,
  operatorId: string,
  now: Date,
  expiresAt: Date,
): Promise<void> {
  await sql`
    with expired as (delete from gateway.sign_in where expires_at <= ${now})
    insert into gateway.sign_in (token_hash, operator_id, created_at, expires_at)
    values (${tokenHash}, ${operatorId}, ${now}, ${expiresAt})`
}

/** False when there is no such sign-in. */
export async function deleteSignIn(sql: Sql, tokenHash: Buffer): Promise<boolean> {
  const rows = await sql`delete from gateway.sign_in where token_hash = ${tokenHash} returning 1`
  return rows.length > 0
}

export interface ApiKeyRow {
  api_key_id: string
  name: string
  created_at: Date
}

/** Does nothing where the same key is kept already (a second start with the same bootstrap key). */
export async function insertApiKey(
  sql: Sql,
  key: { id: string; tenantId: string; name: string; hash: Buffer },
  now: Date,
): Promise<void> {
  await sql`
    insert into gateway.api_key (api_key_id, tenant_id, name, key_hash, created_at)
    values (${key.id}, ${key.tenantId}, ${key.name}, ${key.hash}, ${now})
    on conflict (key_hash) do nothing`
}

export async function listApiKeys(
  sql: Sql,
  tenantId: string,
  after: string[] | undefined,
  limit: number,
): Promise<ApiKeyRow[]> {
  return sql<ApiKeyRow[]>`
    select api_key_id, name, created_at from gateway.api_key
     where tenant_id = ${tenantId} and revoked_at is null
       ${after ? sql`and (created_at, api_key_id) > (${after[0]!}::timestamptz, ${after[1]!}::uuid)` : sql``}
     order by created_at, api_key_id limit ${limit}`
}

/** The hash of the key; undefined when there is no such key. */
export async function revokeApiKey(
  sql: Sql,
  tenantId: string,
  id: string,
  now: Date,
): Promise<Buffer | undefined> {
  const [row] = await sql<{ key_hash: Buffer }[]>`
    update gateway.api_key set revoked_at = ${now}
     where tenant_id = ${tenantId} and api_key_id::text = ${id} and revoked_at is null returning key_hash`
  return row?.key_hash
}
