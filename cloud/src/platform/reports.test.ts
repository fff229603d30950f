/** Reports on a real streaming replica: from it while it is near, from the primary when it is far, away, or no replica. */
import type { Sql } from 'postgres'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { createLog } from './log.ts'
import { createPool } from './postgres.ts'
import { createReports, type Reports } from './reports.ts'
import { replicaMissing, startReplica, type TestReplica } from './test-replica.ts'

if (replicaMissing) console.log(`reports from a replica: not tested, ${replicaMissing}`)

const MAX_LAG_MS = 2_000
const CONDITION = { timeout: 40_000 }

describe.skipIf(replicaMissing)('reports', () => {
  let servers: TestReplica
  let sql: Sql
  let reports: Reports | undefined
  let metrics: Registry
  beforeAll(async () => {
    servers = await startReplica()
    sql = createPool({ url: servers.primary.url, size: 2, name: 'test' })
    await sql`create table told (n bigint)`
  }, 120_000)
  afterAll(async () => {
    await sql?.end({ timeout: 1 })
    await servers?.stop()
  })
  afterEach(async () => {
    await reports?.stop()
  })

  const open = (url: string = servers.replica.url): Reports => {
    metrics = new Registry()
    reports = createReports({
      sql,
      replica: { url, maxLagMs: MAX_LAG_MS },
      pooled: false,
      name: 'test',
      clock: systemClock,
      log: createLog('silent'),
      metrics,
    })
    return reports
  }
  /** Where a report is read, and how much it sees. */
  const report = (from: Reports) =>
    from.read(async (db) => {
      const [row] = await db<{ replica: boolean; count: number }[]>`
        select pg_is_in_recovery() as replica, (select count(*) from told) as count`
      return row as { replica: boolean; count: number }
    })
  const fromReplica = async (from: Reports) => (await report(from)).replica
  const lag = async () =>
    Number(/^switchyard_reports_replica_lag_seconds (\S+)/m.exec(await metrics.metrics())?.[1])

  it('are read from the replica once it is known to be near, and what they see is no older than the bound', async () => {
    const from = open()
    await expect.poll(() => fromReplica(from), CONDITION).toBe(true)
    for (let n = 0; n < 20; n++) await sql`insert into told values (${n})`
    await expect.poll(() => report(from), CONDITION).toEqual({ replica: true, count: 20 })
    // Told at each look, which a busy machine makes late.
    await expect.poll(lag, CONDITION).toBeLessThanOrEqual(MAX_LAG_MS / 1_000)
  })

  it('go to the primary while the replica is further behind than the bound, and back when it has caught up', async () => {
    const from = open()
    await expect.poll(() => fromReplica(from), CONDITION).toBe(true)
    await servers.replica.ask((db) => db`select pg_wal_replay_pause()`)
    await sql`insert into told values (100)`
    await expect.poll(() => fromReplica(from), CONDITION).toBe(false)
    expect((await report(from)).count).toBe(21)
    expect(await lag()).toBeGreaterThan(MAX_LAG_MS / 1_000)
    await servers.replica.ask((db) => db`select pg_wal_replay_resume()`)
    await expect.poll(() => report(from), CONDITION).toEqual({ replica: true, count: 21 })
  })

  it('never fail for a replica that goes away, and come from it again when it is back', async () => {
    const from = open()
    await expect.poll(() => fromReplica(from), CONDITION).toBe(true)
    await servers.replica.kill()
    expect(await report(from)).toEqual({ replica: false, count: 21 })
    await servers.replica.start()
    await expect.poll(() => fromReplica(from), CONDITION).toBe(true)
  })

  it('are not read from a server that is no replica: a primary that nobody follows any more', async () => {
    const from = open(servers.primary.url)
    await report(from)
    const looked = () => sql`
      select 1 from pg_stat_activity
       where application_name = 'switchyard test reports' and query like '%replay_lsn%' and state = 'idle'`
    await expect.poll(async () => (await looked()).length, CONDITION).toBe(1)
    await expect.poll(lag, CONDITION).toBeNaN()
  })

  it('pass on what is wrong with the report itself', async () => {
    const from = open()
    await expect.poll(() => fromReplica(from), CONDITION).toBe(true)
    await expect(from.read((db) => db`select 1 / 0`)).rejects.toMatchObject({ code: '22012' })
  })
})
