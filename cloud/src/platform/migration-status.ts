/** Where each schema stands, read and nothing more: what a deployment asks before it begins, and after it failed. */
import type { Sql } from 'postgres'
import { LOG_MIGRATIONS, type MigrationSource, migrationFiles } from './migrations.ts'
import { createDirectConnection } from './postgres.ts'

/**
 * applied; pending: this version has it, the database not yet; changed: the file is another than what was applied (nothing migrates until that is mended);
 * newer: the database has it from a later version, which changes nothing for this one (expand and contract).
 */
export type MigrationState = 'applied' | 'pending' | 'changed' | 'newer'

export interface MigrationStatus {
  schema: string
  name: string
  state: MigrationState
  appliedAt: Date | undefined
}

/** All migrations of all schemas, of this version and of the database, in their order. Takes no lock. */
export async function migrationStatus(
  databaseUrl: string,
  sources: readonly MigrationSource[],
): Promise<MigrationStatus[]> {
  const sql = createDirectConnection(databaseUrl, 'migration status')
  try {
    const all: MigrationStatus[] = []
    for (const source of [LOG_MIGRATIONS, ...sources]) all.push(...(await statusOf(sql, source)))
    return all
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function statusOf(sql: Sql, { folder, schema }: MigrationSource): Promise<MigrationStatus[]> {
  const [there] = await sql<{ it: boolean }[]>`select to_regclass(${`${schema}.migration`}) is not null as it`
  const done = there?.it
    ? await sql<{ name: string; sha256: string; applied_at: Date }[]>`
        select name, sha256, applied_at from ${sql(schema)}.migration order by name`
    : []
  const files = migrationFiles(folder)
  const known = files.map(({ name, sha256 }): MigrationStatus => {
    const row = done.find((it) => it.name === name)
    const state = row === undefined ? 'pending' : row.sha256 === sha256 ? 'applied' : 'changed'
    return { schema, name, state, appliedAt: row?.applied_at }
  })
  const newer = done
    .filter((row) => !files.some((it) => it.name === row.name))
    .map((row): MigrationStatus => ({ schema, name: row.name, state: 'newer', appliedAt: row.applied_at }))
  return [...known, ...newer]
}

/** A line for each that is not simply applied, and a last one that counts. */
export function toldStatus(all: readonly MigrationStatus[]): string {
  const lines = all
    .filter((it) => it.state !== 'applied')
    .map((it) => `${it.state.padEnd(8)} ${it.schema}/${it.name}`)
  const counts = (['applied', 'pending', 'changed', 'newer'] as const)
    .map((state) => `${all.filter((it) => it.state === state).length} ${state}`)
    .join(', ')
  return [...lines, counts].join('\n')
}
