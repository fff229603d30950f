/** A pool on a way that dies without a word. */
import { createConnection, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPool, isTransient, MAX_RECONNECT_DELAY_S, reconnectDelayS } from './postgres.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

let database: TestDatabase
let way: Awaited<ReturnType<typeof startWay>>
beforeEach(async () => {
  database = await createTestDatabase()
  way = await startWay(new URL(database.url))
})
afterEach(async () => {
  await way?.close()
  await database?.drop()
})

/** Passes everything on, until `strand`: the connections of then carry nothing more and are not closed. */
async function startWay(target: URL) {
  const pairs: [Socket, Socket][] = []
  const server = createServer((client) => {
    const upstream = createConnection(Number(target.port || 5432), target.hostname)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.pipe(upstream)
    upstream.pipe(client)
    pairs.push([client, upstream])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as { port: number }).port)
  return {
    url: url.href,
    strand() {
      for (const [client, upstream] of pairs) {
        client.unpipe()
        upstream.unpipe()
        client.resume()
        upstream.resume()
      }
    },
    reset() {
      for (const [client] of pairs) client.resetAndDestroy()
    },
    async close() {
      for (const socket of pairs.flat()) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function active() {
  const admin = createPool({ url: database.url, size: 1, name: 'admin' })
  try {
    const [row] = await admin<{ query: string }[]>`
      select query from pg_stat_activity where datname = current_database() and application_name = 'switchyard test'`
    return row
  } finally {
    await admin.end({ timeout: 1 })
  }
}

it('a query on a connection that is dead without a word fails as one to be tried again, and the next one passes', async () => {
  const sql = createPool({ url: way.url, size: 1, name: 'test', silenceMs: 500 })
  try {
    expect(await sql`select 1 as n`).toEqual([{ n: 1 }])
    way.strand()
    const error = await sql`select 2 as n`.then(
      () => undefined,
      (it: unknown) => it,
    )
    expect(isTransient(error)).toBe(true)
    await expect.poll(() => sql`select 3 as n`.catch(() => [])).toEqual([{ n: 3 }])
  } finally {
    await sql.end({ timeout: 1 })
  }
})

it('a query that is asked for in the moment in which its connection breaks is not forgotten', async () => {
  const sql = createPool({ url: way.url, size: 1, name: 'test' })
  try {
    await sql`select 1`
    const broken = sql`select pg_sleep(60)`
    // Between the error and the close of the connection.
    const next = broken.catch(() => sql`select 2 as n`.catch(() => sql`select 3 as n`))
    await expect.poll(async () => (await active())?.query).toContain('pg_sleep')
    way.reset()
    expect(await next).toEqual([{ n: 3 }])
  } finally {
    await sql.end({ timeout: 1 })
  }
})

it('a transaction whose connection breaks gives it back, whatever it still asks for', async () => {
  const sql = createPool({ url: way.url, size: 1, name: 'test' })
  const two = 2
  try {
    // The first is written into the break, the others when the connection is the pool's again.
    const broken = sql.begin(async (tx) => {
      await tx`select 1`
      way.reset()
      await tx`select 1`.catch(() => {})
      await tx`select ${two}::int`.catch(() => {})
      await tx`select ${two}::int`
    })
    await expect(broken).rejects.toThrow('CONNECTION_CLOSED')
    expect(await sql`select ${two}::int as n`).toEqual([{ n: 2 }])
    expect(await sql.begin((tx) => tx`select ${two}::int as n`)).toEqual([{ n: 2 }])
  } finally {
    await sql.end({ timeout: 1 })
  }
}, 15_000)

it('a connection that was closed for its silence is made anew, and nobody notices', async () => {
  const sql = createPool({ url: way.url, size: 1, name: 'test', silenceMs: 300 })
  try {
    const pid = async () => (await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid
    const before = await pid()
    // Each look comes later than the silence allows, so the connection of before is gone at the first.
    await expect.poll(pid, { interval: 700 }).not.toBe(before)
  } finally {
    await sql.end({ timeout: 1 })
  }
})

it('waits longer after each failure, and never longer than a second: who is given to that connection waits with it', () => {
  const delays = Array.from({ length: 100 }, (_, failures) => reconnectDelayS(failures))
  expect(Math.max(...delays)).toBeLessThanOrEqual(MAX_RECONNECT_DELAY_S)
  expect(Math.min(...delays)).toBeGreaterThan(0)
  expect(delays[1]).toBeLessThan(delays[6] ?? 0)
})
