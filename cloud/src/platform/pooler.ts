/**
 * A pooler in transaction mode (PgBouncer) between services and Postgres: each transaction may run on another connection of the server.
 * Nothing may stay on a connection (prepared statements, session locks, LISTEN), and bounds cannot be asked for when one is made:
 * they are settings of the role instead, made by migrations and looked at when a service starts.
 */
import type { Sql } from 'postgres'
import { CONNECTION_BOUNDS } from './postgres.ts'

/** The pooler's connections have no bound: a statement could hold locks for ever. The message says what to do. */
export class PoolerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PoolerError'
  }
}

/** Gives the present role its bounds in this database, for every connection made from now on. Called under the lock of the migrations. */
export async function boundRole(sql: Sql): Promise<void> {
  const held = await sql<{ it: string }[]>`
    select unnest(s.setconfig) as it from pg_db_role_setting s
     where s.setrole = (select oid from pg_roles where rolname = current_user)
       and s.setdatabase = (select oid from pg_database where datname = current_database())`
  const [name] = await sql<{ database: string }[]>`select quote_ident(current_database()) as database`
  for (const [bound, ms] of Object.entries(CONNECTION_BOUNDS)) {
    if (held.some(({ it }) => it === `${bound}=${ms}`)) continue
    await sql.unsafe(`alter role current_user in database ${name?.database} set ${bound} = ${ms}`)
  }
}

/**
 * Throws PoolerError when a connection that the pooler gives has no bounds: it signs in as another role than migrations do, or
 * keeps connections of before their role had any. A bound of another version of ours is good enough.
 */
export async function checkPooler(sql: Sql): Promise<void> {
  const bounds = Object.keys(CONNECTION_BOUNDS)
  const missing = await sql<{ name: string; role: string }[]>`
    select s.name, session_user as role from pg_settings s where s.name = any(${bounds}::text[]) and s.setting = '0' order by 1`
  const [first] = missing
  if (!first) return
  throw new PoolerError(
    `DATABASE_URL: connections of the pooler have no ${missing.map((it) => it.name).join(' and no ')} (role ${first.role}). ` +
      'Sign in as the same role in DATABASE_URL and DATABASE_DIRECT_URL, run `migrate deploy`, and let the pooler make its connections anew (RECONNECT at its console)',
  )
}
