/**
 * `--new-generation`: for a restore that cannot be seen, as from a snapshot of the file system. Everything of the cloud is stopped
 * first, and it is said which generation shall end.
 */
import type { Logger } from 'pino'
import { beginGeneration } from './platform/event-log/generation.ts'
import { createDirectConnection } from './platform/postgres.ts'

/** What stands in the way, for the operator to read. */
export class NotConfirmed extends Error {}

/** Gives the generation that has begun. Throws NotConfirmed while it is not confirmed, or others are at work. */
export async function newGeneration(
  databaseUrl: string,
  confirmed: string | undefined,
  log: Logger,
): Promise<string> {
  const sql = createDirectConnection(databaseUrl, 'new-generation')
  try {
    const [log_] = await sql<{ id: string }[]>`select id from log.generation`
    const current = log_?.id ?? ''
    if (confirmed !== current)
      throw new NotConfirmed(
        `${confirmed === undefined ? '' : `"${confirmed}" is not the present generation. `}This ends generation ${current} of the event log: documents are published again, sites send again what this database lacks, streams and lists begin anew. Do it after a restore that was not noticed by itself, and only then. To go on, add --confirm=${current}`,
      )
    const others = await sql<{ name: string }[]>`
      select distinct application_name as name from pg_stat_activity
       where datname = current_database() and application_name like 'switchyard %' and pid <> pg_backend_pid() order by 1`
    if (others.length > 0)
      throw new NotConfirmed(
        `Stop the cloud first; still connected to this database: ${others.map((it) => it.name).join(', ')}`,
      )
    const generation = await beginGeneration(sql, 'an operator said so')
    log.warn({ before: current, generation }, 'a new generation of the log begins')
    return generation
  } finally {
    await sql.end({ timeout: 5 })
  }
}
