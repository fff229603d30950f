/** What is told of a real pair: a standby that is there or gone, whether commits wait for it, and an archive that fails or hangs. */
import type { Sql } from 'postgres'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../platform/postgres.ts'
import { replicaMissing, startReplica, type TestReplica } from '../platform/test-replica.ts'
import { createPrimaryMetrics } from './primary-metrics.ts'

if (replicaMissing) console.log(`metrics of the primary: not tested, ${replicaMissing}`)

const CONDITION = { timeout: 40_000 }

describe.skipIf(replicaMissing)('of a primary', () => {
  let servers: TestReplica
  let sql: Sql
  const metrics = new Registry()
  beforeAll(async () => {
    servers = await startReplica()
    sql = createPool({ url: servers.primary.url, size: 2, name: 'test' })
    createPrimaryMetrics(metrics, sql)
  }, 120_000)
  afterAll(async () => {
    await sql?.end({ timeout: 1 })
    await servers?.stop()
  })

  /** What a scrape reads of one metric: labels and value of each series. */
  const scraped = async (name: string) =>
    (await metrics.metrics()).split('\n').filter((it) => new RegExp(`^${name}[ {]`).test(it))
  const connected = () => scraped('switchyard_database_standby_connected')
  const synchronous = () => scraped('switchyard_database_synchronous')
  const failing = () => scraped('switchyard_database_archive_failing')
  const waiting = () => scraped('switchyard_database_archive_waiting_files')
  /** One more file of the log, to be archived. */
  const fileOfTheLog = async () => {
    await sql`select pg_logical_emit_message(false, 'test', 'something')`
    await sql`select pg_switch_wal()`
  }

  it('without a slot nothing is told of a standby, though a replica follows', async () => {
    await expect
      .poll(() => scraped('switchyard_database_replica_lag_seconds'), CONDITION)
      .toEqual([expect.stringMatching(/\{replica="walreceiver"\} [\d.]+$/)])
    expect(await connected()).toEqual([])
  })

  it('a slot tells that its standby has not come, is there, is gone, and is back', async () => {
    await sql`select pg_create_physical_replication_slot('standby')`
    expect(await connected()).toEqual(['switchyard_database_standby_connected{slot="standby"} 0'])
    await servers.replica.ask((db) => db`alter system set primary_slot_name = 'standby'`)
    await servers.replica.ask((db) => db`select pg_reload_conf()`)
    const there = ['switchyard_database_standby_connected{slot="standby"} 1']
    await expect.poll(connected, CONDITION).toEqual(there)
    await servers.replica.kill()
    await expect
      .poll(connected, CONDITION)
      .toEqual(['switchyard_database_standby_connected{slot="standby"} 0'])
    // What told of it until now does not.
    expect(await scraped('switchyard_database_replica_lag_seconds')).toEqual([])
    await servers.replica.start()
    await expect.poll(connected, CONDITION).toEqual(there)
  })

  it('the slot of a base backup that runs is no standby', async () => {
    await servers.primary.ask(async (db) => {
      await db`select pg_create_physical_replication_slot('backup', true, true)`
      expect(await sql`select from pg_replication_slots`).toHaveLength(2)
      expect(await connected()).toHaveLength(1)
      return db
    })
  })

  it('whether commits wait for a standby follows what the pair is set to', async () => {
    expect(await synchronous()).toEqual(['switchyard_database_synchronous 0'])
    await sql`alter system set synchronous_standby_names = 'walreceiver'`
    await sql`select pg_reload_conf()`
    await expect.poll(synchronous, CONDITION).toEqual(['switchyard_database_synchronous 1'])
    await sql`alter system set synchronous_standby_names = ''`
    await sql`select pg_reload_conf()`
    await expect.poll(synchronous, CONDITION).toEqual(['switchyard_database_synchronous 0'])
  })

  it('of an archive nothing is told where there is none', async () => {
    expect(await failing()).toEqual([])
    expect(await waiting()).toEqual([])
  })

  it('an archive that fails is told until it has archived again, one that hangs by what waits', async () => {
    const archiveBy = async (command: string) => {
      await sql.unsafe(`alter system set archive_command = '${command}'`)
      await sql`select pg_reload_conf()`
    }
    await sql`alter system set archive_mode = on`
    await archiveBy('exit 1')
    await servers.primary.kill()
    await servers.primary.start()
    await fileOfTheLog()
    await expect.poll(failing, CONDITION).toEqual(['switchyard_database_archive_failing 1'])
    await archiveBy('exit 0')
    await expect.poll(failing, CONDITION).toEqual(['switchyard_database_archive_failing 0'])
    await expect.poll(waiting, CONDITION).toEqual(['switchyard_database_archive_waiting_files 0'])
    await archiveBy('sleep 60')
    await fileOfTheLog()
    await fileOfTheLog()
    await expect.poll(waiting, CONDITION).toEqual(['switchyard_database_archive_waiting_files 2'])
    expect(await failing()).toEqual(['switchyard_database_archive_failing 0'])
  })

  it('who may not see what waits is told the rest', async () => {
    await sql`create role plain login`
    const url = new URL(servers.primary.url)
    url.username = 'plain'
    const own = createPool({ url: url.href, size: 1, name: 'test' })
    const registry = new Registry()
    createPrimaryMetrics(registry, own)
    const told = (await registry.metrics()).split('\n').filter((it) => it.startsWith('switchyard_'))
    expect(told.map((it) => it.split(/[ {]/)[0]).sort()).toEqual([
      'switchyard_database_archive_failing',
      'switchyard_database_standby_connected',
      'switchyard_database_synchronous',
    ])
    await own.end({ timeout: 1 })
  })

  it('a database that is away tells nothing, and costs the scrape nothing else', async () => {
    const away = createPool({ url: 'postgres://postgres@127.0.0.1:1/postgres', size: 1, name: 'test' })
    const registry = new Registry()
    createPrimaryMetrics(registry, away)
    expect(await registry.metrics()).not.toMatch(/^switchyard_/m)
    await away.end({ timeout: 1 })
  })
})
