/** A gateway whose database is put back to an hour ago, and sites that have gone on since. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import { createTestClock, createTestDatabase, type TestDatabase } from '../platform/testing.ts'
import { type Backup, backUp, putBack } from '../platform/testing-backup.ts'
import { allReturned } from './return.ts'
import { factText, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

const HOUR_MS = 3_600_000
const clock = createTestClock()
const fact = factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId: 'CP1' })

let database: TestDatabase
let backup: Backup | undefined
let gateway: TestGateway | undefined
const sites: TestSite[] = []
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await stop()
  await backup?.drop()
  await database.drop()
})
const start = async (): Promise<TestGateway> => {
  gateway = await startTestGateway({ database, clock })
  return gateway
}
async function stop(): Promise<void> {
  await Promise.all(sites.splice(0).map((site) => site.end()))
  await gateway?.close()
  gateway = undefined
}
async function site(at: TestGateway, siteId: string, journalId?: string): Promise<TestSite> {
  const connected = await TestSite.connect(at, await at.credential(siteId), journalId)
  sites.push(connected)
  return connected
}
async function publish(at: TestGateway, siteId: string | null, cloudFact: CloudFact): Promise<void> {
  const { eventLog } = at.target.context
  await at.sql.begin((tx) => eventLog.publish(tx, { tenantId: 'default', siteId, ...cloudFact }))
  eventLog.wake()
}
const request = (at: TestGateway, siteId: string, id: string, ttlMs: number) =>
  publish(at, siteId, {
    kind: 'command.requested',
    at: new Date(clock.now()).toISOString(),
    data: {
      command: {
        id,
        stationId: 'CP1',
        kind: 'RemoteStop',
        args: { sessionId: 's' },
        issuedAt: new Date(clock.now()).toISOString(),
        expiresAt: new Date(clock.now() + ttlMs).toISOString(),
      },
    },
  })
const headsAt = (site: TestSite, seq: number) => ({
  ledger: { seq, rowId: site.rowId(seq) },
  telemetry: { seq: 0, rowId: '' },
})
const tariffs = (at: TestGateway, siteId: string, n: number) =>
  publish(at, siteId, {
    kind: 'document.published',
    at: new Date(clock.now()).toISOString(),
    data: {
      name: 'tariffs',
      version: { generation: at.target.context.eventLog.generation, n },
      sha256: 'x',
      body: `{"n":${n}}`,
    },
  })

it('takes up every lane where it stands, above every epoch, and sends nothing of its former life', {
  timeout: 120_000,
}, async () => {
  let at = await start()
  const before = at.target.context.eventLog.generation
  let a = await site(at, 'a')
  let b = await site(at, 'b')
  await Promise.all([a.hello('a1'), b.hello('b1')])
  await a.batch(1, [fact, fact])
  await request(at, 'a', 'long', 12 * HOUR_MS)
  await request(at, 'a', 'short', 60_000)
  await a.next('command', (it) => (it.command as { id: string }).id === 'short')
  await a.next('command', (it) => (it.command as { id: string }).id === 'long')
  await tariffs(at, 'a', 5)
  await a.next('document')
  await stop()
  backup = await backUp(database)

  // The lost hour: rows, the outcome of one command, a new card at the other site.
  clock.advance(HOUR_MS)
  at = await start()
  a = await site(at, 'a')
  a.epoch = (await a.hello('a2', { heads: headsAt(a, 2) })).epoch
  const outcome = factText('command.outcome', { commandId: 'long', status: 'accepted' })
  await a.batch(3, [fact, outcome])
  b = await site(at, 'b', 'card-2')
  b.epoch = (await b.hello('b2')).epoch
  await b.batch(1, [fact])
  await stop()

  clock.advance(60_000)
  await putBack(database, backup)
  at = await start()
  const { context } = at.target
  expect(context.eventLog.generation).not.toBe(before)
  expect(await allReturned(context)).toBe(false)

  a = await site(at, 'a')
  a.epoch = 1
  const welcome = await a.hello('a3', { heads: headsAt(a, 4) })
  expect(welcome).toMatchObject({
    authority: true,
    epoch: 1,
    generation: context.eventLog.generation,
    expected: { ledger: { seq: 2, rowId: a.rowId(2) } },
    // What the restored gateway has is of the former life; the service publishes it again.
    documents: {},
  })
  expect(welcome.checkpoints).toBeUndefined()
  // The command that had ended comes again by its id, for the site to say how; the one whose time is over does not.
  const again = await a.next('command')
  expect((again.command as { id: string }).id).toBe('long')
  expect(await a.batch(3, [fact, outcome])).toMatchObject({ upTo: 4, rowId: a.rowId(4) })
  await until('the command is settled', async () => {
    const open =
      await at.sql`select 1 from site_gateway.pending_command where command_id = 'long' and not settled`
    return open.length === 0 ? true : undefined
  })
  expect(a.received.filter((it) => it.channel === 'command')).toHaveLength(1)
  await tariffs(at, 'a', 2)
  expect(await a.next('document')).toMatchObject({
    version: { generation: context.eventLog.generation, n: 2 },
  })

  // A lane that was granted after the backup is not known: it is taken again, from its first row.
  expect(await allReturned(context)).toBe(false)
  b = await site(at, 'b', 'card-2')
  const other = await b.hello('b3', { epoch: 2, heads: headsAt(b, 1) })
  expect(other).toMatchObject({ authority: true, expected: { ledger: { seq: 0, rowId: '' } } })
  expect(other.epoch).toBeGreaterThan(2)
  expect(await b.batch(1, [fact])).toMatchObject({ upTo: 1 })
  expect(await allReturned(context)).toBe(true)
  const told = await until('the end of it in the log', async () => {
    const rows = await at.sql`select 1 from log.entry where kind = 'alert.cleared'`
    return rows.length > 0 ? rows : undefined
  })
  expect(told).toHaveLength(1)
})

it('asks a site for a hello that goes on in the conversation of before', { timeout: 60_000 }, async () => {
  let at = await start()
  let a = await site(at, 'a')
  const { epoch } = await a.hello('a1')
  await a.batch(1, [fact])
  await stop()
  backup = await backUp(database)
  await putBack(database, backup)

  at = await start()
  a = await site(at, 'a')
  Object.assign(a, { nonce: 'a1', epoch })
  // Nothing contradicts what it knows: its rows are taken, and nothing tells it of the restore but the question.
  expect(await a.batch(2, [fact])).toMatchObject({ upTo: 2 })
  expect(await allReturned(at.target.context)).toBe(false)
  let seq = 2
  const asked = await until('the question', async () => {
    // It is heard all the time: who is silent is offline, and is asked by nobody.
    clock.advance(5_000)
    await a.batch(++seq, [fact])
    return a.received.find((it) => it.channel === 'recall')?.message
  })
  expect(asked).toMatchObject({ nonce: 'a1', epoch })
  await a.hello('a2', { heads: headsAt(a, seq) })
  expect(await allReturned(at.target.context)).toBe(true)
})
