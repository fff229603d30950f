/**
 * Reads that may be a little old (reports, long lists) from a replica of the database, so that they cost the primary nothing. How old
 * they may be is bounded; beyond it, and while the replica is away or refuses, they are read from the primary.
 */
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from './clock.ts'
import { createLoop, type Loop } from './event-log/loop.ts'
import { createPool, isTransient } from './postgres.ts'

/** How often the replica is held against the primary. */
const LOOK_MS = 1_000
/** Places of the primary that are remembered, the newest: a replica that is behind the oldest of them is behind the bound. */
const MAX_PLACES = 120
/** Most connections to the replica, of one target. */
const REPLICA_POOL_SIZE = 3

export interface Reports {
  /** From the replica or the primary; `work` only reads, as it may be begun again on the primary. */
  read<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

export interface ReportsOptions {
  /** The primary's pool. */
  sql: Sql
  /** Where it is, and how much older than the primary a report may be, ms. Undefined: there is none, and everything is read from the primary. */
  replica: { url: string; maxLagMs: number } | undefined
  pooled: boolean
  name: string
  clock: Clock
  log: Logger
  metrics: Registry
}

/** When the primary's log was written up to this place at least. */
interface Place {
  atMs: number
  lsn: bigint
}

export function createReports(options: ReportsOptions): Reports {
  const { sql, clock, log } = options
  if (!options.replica) return { read: (work) => work(sql), stop: async () => {} }
  const { url, maxLagMs } = options.replica
  const replica = createPool({
    url,
    size: REPLICA_POOL_SIZE,
    name: `${options.name} reports`,
    log,
    pooled: options.pooled,
  })
  const places: Place[] = []
  let loop: Loop | undefined
  /** The replica has everything that the primary wrote until then; undefined: it is away, or is no replica. */
  let hasUntilMs: number | undefined
  const lagMs = (): number =>
    hasUntilMs === undefined ? Number.POSITIVE_INFINITY : clock.mono() - hasUntilMs

  /** What the replica has replayed is compared by places in the log: an idle primary moves no clock, a replica cut off none either. */
  async function look(): Promise<boolean> {
    const before = hasUntilMs !== undefined
    try {
      const atMs = clock.mono()
      places.push({ atMs, lsn: await placeOf(sql`select pg_current_wal_lsn() - '0/0'::pg_lsn as place`) })
      places.splice(0, places.length - MAX_PLACES)
      const replayed = await placeOf(
        replica`select pg_last_wal_replay_lsn() - '0/0'::pg_lsn as place where pg_is_in_recovery()`,
      )
      hasUntilMs = places.findLast((it) => it.lsn <= replayed)?.atMs
    } catch (error) {
      hasUntilMs = undefined
      if (before)
        log.warn({ reason: (error as Error).message }, 'reports are read from the primary: no replica')
    }
    return false
  }
  new Gauge({
    name: 'switchyard_reports_replica_lag_seconds',
    help: 'How much older than the primary a report from the replica may be; none while it cannot be used at all, or nobody has asked for a report',
    registers: [options.metrics],
    collect() {
      if (hasUntilMs === undefined) this.remove()
      else this.set(lagMs() / 1_000)
    },
  })

  return {
    async read(work) {
      // Begun by the first report: who makes none asks nothing of the replica.
      loop ??= createLoop({ clock, log, name: 'replica of reports', pollMs: LOOK_MS, work: look })
      if (lagMs() > maxLagMs) return await work(sql)
      try {
        return await work(replica)
      } catch (error) {
        // Away, or the standby cancelled it for what it has to replay.
        if (!isTransient(error)) throw error
        return await work(sql)
      }
    },
    async stop() {
      await loop?.stop()
      await replica.end({ timeout: 1 })
    },
  }
}

async function placeOf(rows: PromiseLike<readonly unknown[]>): Promise<bigint> {
  const [row] = (await rows) as { place?: string }[]
  if (row?.place === undefined) throw new Error('the database of reports is no replica')
  return BigInt(row.place)
}
