import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log.ts'
import { migrate } from '../migrations.ts'
import {
  createMigratedDatabase,
  createTestPlatform,
  type TestDatabase,
  type TestPlatform,
} from '../testing.ts'
import { type Backup, backUp, putBack } from '../testing-backup.ts'
import { consumeOnce } from './consume.ts'
import { consumeOptions } from './consumer.ts'
import { registerConsumer } from './cursor.ts'
import { oneByOne, type Projection } from './entry.ts'
import { changedSince } from './generation.ts'
import { partitionOf } from './partition.ts'

const SERVICE = { name: 'site-gateway', schema: 'site_gateway' } as const
const SOURCE = { folder: SERVICE.name, schema: SERVICE.schema, outbox: true }
const connected = { kind: 'station.connected', stationId: 'CP1', data: { ocpp: 'ocpp1.6' } } as const
const gone = { kind: 'station.disconnected', stationId: 'CP1', data: { reason: 'test' } } as const

let database: TestDatabase
let platform: TestPlatform
let backups: Backup[]
beforeEach(async () => {
  database = await createMigratedDatabase([SOURCE], createLog('silent'))
  backups = []
  platform = await start()
  // In the schema of a service, as a projection's tables are.
  await platform.sql`create table site_gateway.taken (site_id text, seq bigint, kind text, primary key (site_id, seq))`
})
afterEach(async () => {
  await platform?.close()
  for (const it of backups) await it.drop()
  await database?.drop()
})
const start = (): Promise<TestPlatform> => createTestPlatform({ service: SERVICE, database })

/** Everything is stopped, as a restore asks, and starts again on what `change` made of the database. */
async function restored(change: () => Promise<void>): Promise<void> {
  await platform.close()
  await change()
  platform = await start()
}
const backUpAll = async (): Promise<Backup> => {
  await platform.close()
  const backup = await backUp(database)
  backups.push(backup)
  platform = await start()
  return backup
}

/** Idempotent by what a fact is about, as every projection must be. */
const taking = (refused?: number): Projection => ({
  consumer: 'test',
  kinds: ['station.connected', 'station.disconnected'],
  apply: oneByOne(async (tx, entry) => {
    const seq = entry.journal?.seq ?? 0
    if (seq === refused) throw new Error('refused by the test')
    await tx`insert into site_gateway.taken (site_id, seq, kind) values (${entry.siteId}, ${seq}, ${entry.kind})
      on conflict do nothing`
  }),
})
const takenOf = async (siteId: string): Promise<number[]> =>
  (
    await platform.sql<
      { seq: number }[]
    >`select seq from site_gateway.taken where site_id = ${siteId} order by seq`
  ).map((it) => it.seq)
const begun = async () =>
  await platform.sql<{ n: number; id: string; reason: string }[]>`
    select n, id, reason from log.generation_begun order by n`

describe('a database that was restored', () => {
  it('begins a new generation, once, however many processes start, and tells the tenant', async () => {
    await platform.appendFacts('a', [connected])
    const backup = await backUpAll()
    const { generation } = platform.context.eventLog
    await platform.appendFacts('a', [gone])
    await platform.close()
    await putBack(database, backup)
    const log = createLog('silent')
    await Promise.all([1, 2, 3].map(() => migrate(database.url, [SOURCE], log)))
    platform = await start()
    expect(await begun()).toMatchObject([
      { n: 1, id: generation },
      { n: 2, id: platform.context.eventLog.generation, reason: expect.stringContaining('another one') },
    ])
    const [told, ...more] = await platform.entries('log.generation-begun')
    expect(more).toEqual([])
    expect(told).toMatchObject({ tenantId: 'default', siteId: null })
    expect(JSON.parse(told!.text).data).toMatchObject({ before: generation })
    // What came after the backup is not there, and its place is taken by what comes now.
    expect((await platform.entries()).filter((it) => it.kind === gone.kind)).toEqual([])
  })

  it('is the same after a plain restart', async () => {
    const { generation } = platform.context.eventLog
    await restored(async () => {})
    expect(platform.context.eventLog.generation).toBe(generation)
    expect(await begun()).toHaveLength(1)
  })

  it('is noticed by a process that runs on: its consumers take nothing, and it learns why it must end', async () => {
    const projection = taking()
    await platform.appendFacts('a', [connected])
    await platform.catchUp(projection)
    const old = consumeOptions(platform.context, projection)
    expect(await changedSince(platform.sql, old.generation)).toBeUndefined()
    await platform.sql`select log.begin_generation('a test')`
    await platform.appendFacts('a', [gone])
    expect(await consumeOnce(old)).toBeUndefined()
    expect(await takenOf('a')).toEqual([1])
    expect(await changedSince(platform.sql, old.generation)).toContain('has begun')
    await restored(async () => {})
    await platform.catchUp(projection)
    expect(await takenOf('a')).toEqual([1, 2])
  })
})

describe('a consumer ahead of its log', () => {
  it('goes on from where the log ends, and what takes the lost places is not passed over', async () => {
    const projection = taking()
    await platform.appendFacts('a', [connected])
    await platform.catchUp(projection)
    const backup = await backUpAll()
    await platform.appendFacts('a', [gone, connected, gone, connected])
    await platform.catchUp(projection)
    expect(await takenOf('a')).toEqual([1, 2, 3, 4, 5])

    // The log alone comes from the backup; the service's tables are newer than it.
    await restored(() => putBack(database, backup, ['log']))
    expect(await begun()).toHaveLength(2)
    const { position, generation } = await cursorOf('a')
    expect(position).toBeLessThanOrEqual(2)
    expect(generation).toBe(platform.context.eventLog.generation)
    // The site replays what the log lacks; others come between.
    const neighbour = sameLogPartition('a')
    await platform.appendFacts(neighbour, [connected])
    await platform.appendFacts('a', [gone, connected, gone, connected, gone])
    await platform.catchUp(projection)
    expect(await takenOf(neighbour)).toEqual([1])
    expect(await takenOf('a')).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('is noticed although the database looks the same: its schema has read further than the log goes', async () => {
    const projection = taking()
    await platform.appendFacts('a', [connected])
    await platform.catchUp(projection)
    await platform.close()
    const sql = postgres(database.url, { max: 1, onnotice: () => {} })
    await sql`update log.head set position = 0`
    await sql`delete from log.entry`
    await sql`update log.cursor set position = 0`
    await sql.end()
    platform = await start()
    expect((await begun()).at(-1)?.reason).toMatch(/test has read to \d\/1, where the log ends at 0/)
  })
})

describe('a consumer behind its log', () => {
  it('is taken back to where its schema is, with the sites that were parked meanwhile', async () => {
    const projection = taking()
    await platform.appendFacts('a', [connected])
    await platform.catchUp(projection)
    const backup = await backUpAll()
    await platform.appendFacts('a', [gone, connected])
    await platform.catchUp(taking(3))
    expect(await takenOf('a')).toEqual([1, 2])

    await restored(() => putBack(database, backup, ['site_gateway']))
    expect(await begun()).toHaveLength(1)
    expect(await takenOf('a')).toEqual([1])
    await registerConsumer(consumeOptions(platform.context, projection))
    const { position } = await cursorOf('a')
    expect(position).toBe(1)
    const [parked] = await platform.sql<{ position: number }[]>`select position from log.parked`
    expect(parked?.position).toBe(2)
  })

  it('that was made anew takes the whole log again', async () => {
    const projection = taking()
    await platform.appendFacts('a', [connected, gone])
    await platform.catchUp(projection)
    await restored(async () => {
      const sql = postgres(database.url, { max: 1, onnotice: () => {} })
      await sql`drop schema site_gateway cascade`
      await sql.end()
    })
    await platform.sql`create table site_gateway.taken (site_id text, seq bigint, kind text, primary key (site_id, seq))`
    await platform.catchUp(projection)
    expect(await takenOf('a')).toEqual([1, 2])
  })
})

describe('an outbox that is older than the log', () => {
  const registered = (n: number) =>
    ({
      kind: 'site.registered',
      at: '2026-11-23T12:00:00.000Z',
      data: { name: `site ${n}`, timeZone: 'UTC' },
    }) as const
  const publish = async (n: number): Promise<void> => {
    const { eventLog } = platform.context
    await platform.sql.begin((tx) =>
      eventLog.publish(tx, { tenantId: 'default', siteId: `s${n}`, ...registered(n) }),
    )
  }

  it('tells new facts under new numbers: none is taken for one that the log has', async () => {
    await publish(1)
    await platform.relay()
    await publish(2)
    const backup = await backUpAll()
    await platform.relay()
    for (const n of [3, 4]) {
      await publish(n)
      await platform.relay()
    }
    // Its schema comes from the backup: 2 waits in it again, and the next number would be 3.
    await restored(() => putBack(database, backup, ['site_gateway']))
    await publish(5)
    await publish(6)
    await platform.relay()
    const told = (await platform.entries('site.registered')).map((it) => it.siteId).sort()
    expect(told).toEqual(['s1', 's2', 's3', 's4', 's5', 's6'])
  })
})

async function cursorOf(siteId: string): Promise<{ position: number; generation: string }> {
  const [row] = await platform.sql<{ position: number; generation: string }[]>`
    select position, generation from log.cursor where consumer = 'test' and partition = ${partitionOf(siteId)}`
  return row!
}

function sameLogPartition(siteId: string): string {
  for (let i = 0; ; i++) if (partitionOf(`n${i}`) === partitionOf(siteId)) return `n${i}`
}
