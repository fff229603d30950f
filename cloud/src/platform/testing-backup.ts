/**
 * For tests: a backup of a test database, and putting it back as a whole or a schema of it alone. A copy made by the server stands for
 * a backup: no programs of Postgres are needed, and the copy is another database, as a restored one is. Nobody may be connected.
 */
import { pipeline } from 'node:stream/promises'
import postgres, { type Sql } from 'postgres'
import type { TestDatabase } from './testing.ts'

export interface Backup {
  url: string
  drop(): Promise<void>
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

async function asAdmin<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const admin = new URL(url)
  admin.pathname = '/postgres'
  const sql = postgres(admin.href, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

export async function backUp({ url }: TestDatabase, called = 'backup'): Promise<Backup> {
  const name = `${nameOf(url)}_${called}`
  const drop = () => asAdmin(url, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`))
  await drop()
  await asAdmin(url, (sql) => sql.unsafe(`create database ${name} template ${nameOf(url)}`))
  const backup = new URL(url)
  backup.pathname = `/${name}`
  return {
    url: backup.href,
    async drop() {
      await drop()
    },
  }
}

/** Puts everything back, or the rows of these schemas alone. */
export async function putBack(
  { url }: TestDatabase,
  backup: Backup,
  schemas?: readonly string[],
): Promise<void> {
  if (schemas === undefined) {
    const [live, from] = [nameOf(url), nameOf(backup.url)]
    await asAdmin(url, async (sql) => {
      await sql.unsafe(`drop database ${live} with (force)`)
      await sql.unsafe(`create database ${live} template ${from}`)
    })
    return
  }
  const options = { max: 1, onnotice: () => {}, connection: { session_replication_role: 'replica' } }
  const [to, from] = [postgres(url, options), postgres(backup.url, options)]
  try {
    for (const schema of schemas) await putBackSchema(from, to, schema)
  } finally {
    await Promise.all([to.end(), from.end()])
  }
}

async function putBackSchema(from: Sql, to: Sql, schema: string): Promise<void> {
  // Partitions are emptied and filled through the table that they are part of.
  const tables = await to<{ name: string; columns: string[] }[]>`
    select format('%I.%I', n.nspname, c.relname) as name,
           array_agg(quote_ident(a.attname) order by a.attnum) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where n.nspname = ${schema} and c.relkind in ('r', 'p') and not c.relispartition group by 1`
  await to.unsafe(`truncate ${tables.map((it) => it.name).join(', ')} cascade`)
  for (const { name, columns } of tables) {
    const rows = await from.unsafe(`copy (select ${columns.join(', ')} from ${name}) to stdout`).readable()
    await pipeline(rows, await to.unsafe(`copy ${name} (${columns.join(', ')}) from stdin`).writable())
  }
  const sequences = await from<{ name: string; last: number | null }[]>`
    select format('%I.%I', schemaname, sequencename) as name, last_value::int as last
      from pg_sequences where schemaname = ${schema}`
  for (const { name, last } of sequences)
    await to`select setval(${name}::regclass, ${last ?? 1}, ${last !== null})`
}
