/** A real PgBouncer in transaction mode, with the settings that ship, between a pool and Postgres. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
import { migrate } from './migrations.ts'
import { checkPooler } from './pooler.ts'
import {
  CONNECTION_BOUNDS,
  createDirectConnection,
  createPool,
  IDLE_IN_TRANSACTION_TIMEOUT_MS,
  STATEMENT_TIMEOUT_MS,
} from './postgres.ts'
import { TARGETS } from './service.ts'
import { poolerMissing, startPooler, type TestPooler } from './test-pooler.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

if (poolerMissing) console.log(`services through a pooler: not tested, ${poolerMissing}`)

const log = createLog('silent')
/** What ships; `npm run build` makes it. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

describe.skipIf(poolerMissing)('through PgBouncer in transaction mode', () => {
  let pooler: TestPooler
  let database: TestDatabase
  let sql: Sql | undefined
  beforeAll(async () => {
    pooler = await startPooler()
  })
  afterAll(() => pooler?.stop())
  beforeEach(async () => {
    database = await createTestDatabase()
  })
  afterEach(async () => {
    await sql?.end({ timeout: 1 })
    await database.drop()
  })

  const pooledUrl = (): string =>
    Object.assign(new URL(database.url), { hostname: '127.0.0.1', port: String(pooler.port) }).href
  const pool = (size = 4): Sql => {
    sql = createPool({ url: pooledUrl(), size, name: 'test', pooled: true })
    return sql
  }
  const bounds = async (of: Sql): Promise<Record<string, number>> => {
    const rows = await of<{ name: string; setting: string }[]>`
      select name, setting from pg_settings where name = any(${Object.keys(CONNECTION_BOUNDS)}::text[])`
    return Object.fromEntries(rows.map((it) => [it.name, Number(it.setting)]))
  }

  it('connections have the bounds that migrations gave to their role, and migrations themselves have none', async () => {
    await migrate(database.url, [], log, { pooled: true })
    await migrate(database.url, [], log, { pooled: true })
    expect(await bounds(pool())).toEqual({
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    })
    await checkPooler(pool())
    const direct = createDirectConnection(database.url, 'migrations')
    expect(await bounds(direct)).toMatchObject({ statement_timeout: 0 })
    await direct.end()
  })

  it('a service refuses connections without bounds, and says what to do', async () => {
    await migrate(database.url, [], log)
    await expect(checkPooler(pool())).rejects.toThrow(
      /no idle_in_transaction_session_timeout and no statement_timeout \(role \w+\).*migrate deploy.*RECONNECT/,
    )
  })

  it('statements do not notice that each has another connection of the server, nor that those are made anew', async () => {
    const many = pool(8)
    await many`create table of_test (n bigint, at timestamptz)`
    const write = (from: number) =>
      Promise.all(
        Array.from({ length: 100 }, (_, i) => from + i).map((n) =>
          n % 3 === 0
            ? many.begin(async (tx) => {
                await tx`insert into of_test values (${n}, ${new Date(0)})`
                await tx`select count(*) from of_test where n = any(${[n]}::bigint[])`
              })
            : many`insert into of_test values (${n}, ${new Date(0)})`,
        ),
      ).catch((error) => {
        throw new Error(`what the pooler said:\n${pooler.told()}`, { cause: error })
      })
    await write(0)
    // One that is cut off while it signs in counts as a server that does not let PgBouncer in, and waiting clients are told so.
    const signingIn = async () => (await pooler.command('show pools')).filter((it) => Number(it.sv_login) > 0)
    await expect.poll(signingIn).toEqual([])
    await pooler.command('reconnect')
    await write(100)
    const [all] =
      await many`select count(*) as count, count(distinct n) as distinct, max(n) as max from of_test`
    expect(all).toEqual({ count: 200, distinct: 200, max: 199 })
  })

  it('more is asked for at once than there are connections, and every answer comes', async () => {
    const few = pool(2)
    for (let round = 0; round < 30; round++)
      await Promise.all([
        few`select 1`,
        few`select ${round}::int`,
        few`select 2`,
        few`select ${[round]}::bigint[]`,
        few.begin(async (tx) => {
          await tx`select 3`
          await tx`select ${round}::int`
        }),
        few`select 4`,
        few`select ${round}::int`,
      ])
  }, 15_000)

  it('transactions that the pooler breaks off leave their connections to the next', async () => {
    const few = pool(2)
    const name = new URL(database.url).pathname.slice(1)
    const two = 2
    const broken = Array.from({ length: 2 }, () =>
      few.begin(async (tx) => {
        await tx`select pg_sleep(60)`.catch(() => {})
        await tx`select ${two}::int`
      }),
    )
    const ends = Promise.allSettled(broken)
    const active = async () =>
      (await pooler.command('show pools')).find((it) => it.database === name)?.sv_active
    await expect.poll(async () => Number(await active()), { timeout: 10_000 }).toBe(2)
    await pooler.command(`kill ${name}`)
    await pooler.command(`resume ${name}`)
    expect((await ends).map((it) => it.status)).toEqual(['rejected', 'rejected'])
    // Each holds one connection until the other has one.
    let met = 0
    const meet = () =>
      few.begin(async (tx) => {
        met += 1
        await expect.poll(() => met, { timeout: 10_000 }).toBe(2)
        return tx`select ${two}::int as n`
      })
    expect(await Promise.all([meet(), meet()])).toEqual([[{ n: 2 }], [{ n: 2 }]])
  }, 15_000)

  it('what waits while the pooler holds everything up goes on when it is let go', async () => {
    await pool()`create table of_test (n bigint)`
    await pooler.command('pause')
    let done = false
    const waiting = sql?.begin(async (tx) => {
      await tx`insert into of_test values (1)`
      done = true
    })
    await expect
      .poll(async () => (await pooler.command('show pools')).some((it) => Number(it.cl_waiting) > 0))
      .toBe(true)
    expect(done).toBe(false)
    await pooler.command('resume')
    await waiting
    expect(await sql!`select n from of_test`).toEqual([{ n: 1 }])
  })

  it('the whole cloud starts and is ready', async () => {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env.PATH ?? '',
        DATABASE_URL: pooledUrl(),
        DATABASE_DIRECT_URL: database.url,
        SERVICE_KEY: 'service-key-of-the-tests',
        BROKER_PORT: '0',
        ...Object.fromEntries(TARGETS.map((it) => [`${it.toUpperCase().replaceAll('-', '_')}_PORT`, '0'])),
      },
    })
    const exited = once(child, 'close')
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        output += data
      })
    try {
      await expect
        .poll(() => child.exitCode !== null || output.includes('"msg":"up"'), {
          timeout: 150_000,
          message: output,
        })
        .toBe(true)
      const urls = [...output.matchAll(/"url":"(http[^"]+)","msg":"listening"/g)].map(([, url]) => url)
      expect(urls).toHaveLength(TARGETS.length)
      const ready = await Promise.all(urls.map(async (url) => (await fetch(`${url}/ready`)).status))
      expect(ready).toEqual(TARGETS.map(() => 200))
    } finally {
      child.kill('SIGTERM')
      await exited
    }
  }, 180_000)
})
