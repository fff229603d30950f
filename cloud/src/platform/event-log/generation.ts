/**
 * The lives of the log. A database that was restored is not what sites and clients have seen of it: a new generation begins, by
 * which everybody can tell. See docs/decisions/0014.
 */
import type { Logger } from 'pino'
import type { Sql, TransactionSql } from 'postgres'

/** Under the lock of the migrations, so that it happens once, however many processes start. */
export async function recogniseDatabase(sql: Sql, log: Logger): Promise<void> {
  const [found] = await sql<{ reason: string | null; known: boolean; identity: string | null }[]>`
    select log.restored() as reason, g.identity is not null as known, log.identity() as identity from log.generation g`
  if (found?.reason) {
    const generation = await beginGeneration(sql, found.reason)
    log.warn(
      { generation, reason: found.reason },
      'the database was restored: a new generation of the log begins',
    )
  } else if (!found?.known && found?.identity) {
    await sql`update log.generation set identity = ${found.identity}`
  } else if (!found?.identity) {
    log.warn('the database does not say which one it is: after a restore, begin a new generation by hand')
  }
}

/** Gives its id. */
export async function beginGeneration(sql: Sql, reason: string): Promise<string> {
  const [begun] = await sql<{ id: string }[]>`select log.begin_generation(${reason}) as id`
  if (!begun) throw new Error('log.begin_generation gave nothing')
  return begun.id
}

/** Why a process that began under `generation` must begin again; undefined when all is as it was. */
export async function changedSince(sql: Sql, generation: string): Promise<string | undefined> {
  const [now] = await sql<{ id: string; reason: string | null }[]>`
    select id, log.restored() as reason from log.generation`
  if (!now) return undefined
  return now.id === generation ? (now.reason ?? undefined) : `generation ${now.id} of the log has begun`
}

/** Says that what a restore has disturbed is in order again; true for the one who says it first. The first life had no restore. */
export async function declareOver(tx: TransactionSql, generation: string): Promise<boolean> {
  const rows = await tx`
    update log.generation_begun set over_at = now() where id = ${generation} and n > 1 and over_at is null returning n`
  return rows.length > 0
}
