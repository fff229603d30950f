/**
 * Schema changes at start: numbered SQL files per schema, under one advisory lock on a direct connection, each in its own
 * transaction, each remembered with its hash. Only expand and contract: a file that was applied is never changed.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { recogniseDatabase } from './event-log/generation.ts'
import { boundRole } from './pooler.ts'
import { createDirectConnection } from './postgres.ts'

/** Key of the advisory lock; the same for every process of every version. */
const LOCK = 7_401_932

/** Who has tables: where its SQL files lie, and under which schema. */
export interface MigrationSource {
  /** Folder under cloud/src (in the bundle under dist/migrations). */
  folder: string
  schema: string
  /** false: no outbox and no cursors (the log itself). */
  outbox: boolean
}
export const LOG_MIGRATIONS: MigrationSource = { folder: 'platform', schema: 'log', outbox: false }

/** An applied migration was changed. */
export class MigrationError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MigrationError'
  }
}

/** Brings every schema up to date; returns the names of the files that were applied now. */
export async function migrate(
  databaseUrl: string,
  sources: readonly MigrationSource[],
  log: Logger,
  {
    pooled = false,
  }: {
    /** Services come through a pooler: their role is given what their connections cannot ask for. */ pooled?: boolean
  } = {},
): Promise<string[]> {
  const sql = createDirectConnection(databaseUrl, 'migrations')
  try {
    // A pooler in session mode does not pass on what is asked for when a connection is made.
    await sql`set statement_timeout = 0`
    await sql`select pg_advisory_lock(${LOCK})`
    const applied: string[] = []
    for (const source of [LOG_MIGRATIONS, ...sources]) applied.push(...(await migrateSchema(sql, source)))
    await sql`select log.make_partitions(${DAYS_AHEAD})`
    await recogniseDatabase(sql, log)
    if (pooled) await boundRole(sql)
    if (applied.length > 0) log.info({ applied }, 'migrations applied')
    else log.info('the schemas are up to date')
    return applied
  } finally {
    await sql.end({ timeout: 5 })
  }
}
/** How far the numbers of one outbox may be committed out of order. */
const TELL_AGAIN_SPAN = 10_000
/** Daily partitions of the log that are made ahead. */
export const DAYS_AHEAD = 7

async function migrateSchema(sql: Sql, { folder, schema, outbox }: MigrationSource): Promise<string[]> {
  await sql.unsafe(`create schema if not exists ${schema}`)
  await sql.unsafe(
    `create table if not exists ${schema}.migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`,
  )
  if (outbox) await ownTables(sql, schema, folder)
  const done = new Map(
    (
      await sql.unsafe<{ name: string; sha256: string }[]>(`select name, sha256 from ${schema}.migration`)
    ).map((it) => [it.name, it.sha256]),
  )
  const applied: string[] = []
  for (const { name, text, sha256 } of migrationFiles(folder)) {
    const before = done.get(name)
    if (before === sha256) continue
    if (before !== undefined)
      throw new MigrationError(
        `${schema}/${name} was changed after it had been applied; write a new migration`,
      )
    await sql.begin(async (tx) => {
      await tx.unsafe(text)
      await tx.unsafe(`insert into ${schema}.migration (name, sha256) values ($1, $2)`, [name, sha256])
    })
    applied.push(`${schema}/${name}`)
  }
  return applied
}

/**
 * The outbox: what the service must tell others, until the relay has moved it to the log; what it has told, for a log that is
 * restored to an earlier point. The cursors of its consumers, as they stand in the log too (event-log/cursor.ts).
 */
async function ownTables(sql: Sql, schema: string, producer: string): Promise<void> {
  await sql.unsafe(`create table if not exists ${schema}.outbox (
    n bigint generated always as identity primary key,
    tenant_id text not null, site_id text, kind text not null, station_id text, session_id text, trace text,
    text text not null)`)
  await sql.unsafe(`create table if not exists ${schema}.cursor (
    consumer text not null, partition smallint not null, generation text not null, position bigint not null,
    primary key (consumer, partition))`)
  await sql.unsafe(`create table if not exists ${schema}.told (
    n bigint primary key, at timestamptz not null default now(),
    tenant_id text not null, site_id text, kind text not null, station_id text, session_id text, trace text,
    text text not null)`)
  // In a log older than the schema, what was told since the log's backup is missing.
  await sql`select log.tell_again(${schema}, ${producer}, ${TELL_AGAIN_SPAN})`
  // In a schema older than the log, numbers come again that the log has: what they name now would be taken for what it has.
  await sql`
    select setval(pg_get_serial_sequence(${`${schema}.outbox`}, 'n'), produced.n)
      from (select max(n) as n from log.produced where producer = ${producer}) produced
     where produced.n > coalesce(
       pg_sequence_last_value(pg_get_serial_sequence(${`${schema}.outbox`}, 'n')::regclass), 0)`
}

/** The files of a source, in their order. */
export function migrationFiles(folder: string): { name: string; text: string; sha256: string }[] {
  const path = migrationFolder(folder)
  return path === undefined
    ? []
    : readdirSync(path)
        .filter((it) => it.endsWith('.sql'))
        .sort()
        .map((name) => {
          const text = readFileSync(join(path, name), 'utf8')
          return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
        })
}

/** In the bundle they lie beside it, in the source under the folder's own name; a folder without any has no tables yet. */
function migrationFolder(folder: string): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url))
  const candidates = [join(here, 'migrations', folder), join(here, '..', folder, 'migrations')]
  return candidates.find((it) => existsSync(it))
}
