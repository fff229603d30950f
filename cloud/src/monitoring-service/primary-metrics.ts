/** What the primary database tells of what stands behind it: replicas, whether a commit waits for one, and the archive of its log. */
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'

/** Without the database there is no figure, and all others are still told. */
export function createPrimaryMetrics(registry: Registry, sql: Sql): void {
  const registers = [registry]
  new Gauge({
    name: 'switchyard_database_replica_lag_seconds',
    help: 'How far a replica of the database has not replayed what the primary wrote; none where the account may not see it',
    labelNames: ['replica'],
    registers,
    async collect() {
      const rows = await sql<{ replica: string; lag: number | null }[]>`
        select application_name as replica, extract(epoch from replay_lag)::float8 as lag
          from pg_stat_replication where state is not null`.catch(() => [])
      this.reset()
      for (const { replica, lag } of rows) this.set({ replica }, lag ?? 0)
    },
  })
  new Gauge({
    name: 'switchyard_database_standby_connected',
    help: 'Whether the standby of a replication slot is connected (1) or not (0); none without a slot',
    labelNames: ['slot'],
    registers,
    async collect() {
      // A replica that is gone has no row in pg_stat_replication; its slot stays. Temporary ones are those of base backups.
      const rows = await sql<{ slot: string; active: boolean }[]>`
        select slot_name as slot, active from pg_replication_slots
         where slot_type = 'physical' and not temporary`.catch(() => [])
      this.reset()
      for (const { slot, active } of rows) this.set({ slot }, active ? 1 : 0)
    },
  })
  new Gauge({
    name: 'switchyard_database_synchronous',
    help: 'Whether a commit waits for a standby (1) or is acknowledged when the primary alone has it (0)',
    registers,
    async collect() {
      const [row] = await sql<{ waits: boolean }[]>`
        select current_setting('synchronous_standby_names') <> ''
           and current_setting('synchronous_commit') not in ('off', 'local') as waits`.catch(() => [])
      // Without labels `reset` would be 0.
      if (row) this.set(row.waits ? 1 : 0)
      else this.remove()
    },
  })
  new Gauge({
    name: 'switchyard_database_archive_failing',
    help: "Whether the database's log failed to be archived since it last was (1) or not (0); none where it is not archived",
    registers,
    async collect() {
      const [row] = await sql<{ failing: boolean }[]>`
        select coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as failing
          from pg_stat_archiver where current_setting('archive_mode') <> 'off'`.catch(() => [])
      if (row) this.set(row.failing ? 1 : 0)
      else this.remove()
    },
  })
  new Gauge({
    name: 'switchyard_database_archive_waiting_files',
    help: "Files of the database's log that wait to be archived; none where it is not archived, or the account may not see it",
    registers,
    async collect() {
      // An archive that hangs fails never: its files wait.
      const [row] = await sql<{ n: number }[]>`
        select (select count(*) from pg_ls_archive_statusdir() where name like '%.ready')::int as n
         where current_setting('archive_mode') <> 'off'`.catch(() => [])
      if (row) this.set(row.n)
      else this.remove()
    },
  })
}
