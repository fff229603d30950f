/** What happens in the middle of ingest: the database goes, or the gateway itself; nothing is lost and nothing is there twice. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTestClock, createTestDatabase, type TestDatabase } from '../platform/testing.ts'
import { factText, freePort, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let database: TestDatabase
let gateway: TestGateway | undefined
const sites: TestSite[] = []
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.end()))
  await gateway?.close()
  await database.drop()
})
const fact = factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId: 'CP1' })

it('connections of the database that die in mid-statement cost time, never a row', async () => {
  gateway = await startTestGateway({ database })
  const { sql } = gateway
  for (let i = 0; i < 6; i++)
    sites.push(await TestSite.connect(gateway, await gateway.credential(`site-${i}`)))
  await Promise.all(sites.map((site) => site.hello('n')))
  let done = false
  const attacks = (async () => {
    let count = 0
    while (!done) {
      await sql`select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.catch(() => {})
      count++
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
    return count
  })()
  await Promise.all(
    sites.map(async (site) => {
      for (let from = 1; from <= 30; ) {
        const ack = await site.batch(from, [fact, fact, fact])
        if (ack.refused === undefined) {
          expect(ack.upTo).toBe(from + 2)
          from += 3
        } else expect(ack.refused).toBe('busy')
      }
    }),
  )
  done = true
  expect(await attacks).toBeGreaterThan(1)
  const rows = await until('the database answers', () =>
    sql<{ site_id: string; n: number; last: number }[]>`
      select site_id, count(*)::int as n, max(seq)::int as last from log.entry where journal_id is not null group by 1`.catch(
      () => undefined,
    ),
  )
  expect(rows).toHaveLength(6)
  for (const row of rows) expect(row).toMatchObject({ n: 30, last: 30 })
})

it('a gateway that comes back goes on with the same epoch, after the last row that it acknowledged', async () => {
  const env = { BROKER_PORT: String(await freePort()) }
  const clock = createTestClock()
  gateway = await startTestGateway({ database, clock, env })
  const credential = await gateway.credential('site')
  const before = await TestSite.connect(gateway, credential)
  sites.push(before)
  const first = await before.hello('n')
  await before.batch(1, [fact, fact])
  // Sent, and never seen to be acknowledged.
  await before.publish('ledger', before.gzipped(3, [fact]))
  await gateway.close()

  gateway = await startTestGateway({ database, clock, env })
  const after = await TestSite.connect(gateway, credential)
  sites.push(after)
  after.epoch = first.epoch
  const ledger = { seq: 4, rowId: after.rowId(4) }
  const welcome = await after.hello('n2', { heads: { ledger, telemetry: { seq: 0, rowId: '' } } })
  expect(welcome).toMatchObject({ authority: true, epoch: first.epoch, generation: first.generation })
  const expected = welcome.expected.ledger.seq
  expect([2, 3]).toContain(expected)
  expect(await after.batch(3, [fact, fact])).toMatchObject({ upTo: 4 })
  const entries = await gateway.sql<
    { seq: number }[]
  >`select seq::int as seq from log.entry where journal_id is not null order by seq`
  expect(entries.map((it) => it.seq)).toEqual([1, 2, 3, 4])
})
