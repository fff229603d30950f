import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { firstBounds, isExact, narrowed } from '@switchyard/protocol/site/fork.ts'
import { PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import { HOLD_MS } from '@switchyard/protocol/site/greeting.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BUS } from '../platform/bus.ts'
import { createTestClock, createTestDatabase, testHeaders } from '../platform/testing.ts'
import { factText, freePort, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let gateway: TestGateway
const sites: TestSite[] = []
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway?.close())
afterEach(async () => {
  await Promise.all(sites.splice(0).map((it) => it.end()))
})

const credentials = new Map<string, { username: string; password: string }>()
/** Boxes of one site: they share its account at the broker. */
async function box(siteId: string, journalId: string): Promise<TestSite> {
  const credential = credentials.get(siteId) ?? (await gateway.credential(siteId))
  credentials.set(siteId, credential)
  const connected = await TestSite.connect(gateway, credential, journalId)
  sites.push(connected)
  return connected
}
const fact = factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId: 'CP1' })
const heads = (seq: number, rowId: string) => ({ ledger: { seq, rowId }, telemetry: { seq: 0, rowId: '' } })

async function cloudFacts(siteId: string, kind: string) {
  const { eventLog } = gateway.target.context
  const entries = await eventLog.read(eventLog.partitionOf(siteId), 0, 5_000)
  return entries
    .filter((it) => it.siteId === siteId && it.kind === kind)
    .map((it) => JSON.parse(it.text).data as Record<string, unknown>)
}
const told = (siteId: string, kind: string, count = 1) =>
  until(`${kind} of ${siteId}`, async () => {
    const found = await cloudFacts(siteId, kind)
    return found.length >= count ? found : undefined
  })
const siteRow = async (siteId: string) =>
  (
    await gateway.sql`select journal_id, epoch, last_heard_at from site_gateway.site where site_id = ${siteId}`
  )[0]

async function ask(method: string, path: string) {
  const response = await fetch(`${gateway.target.url}${path}`, { method, headers: testHeaders() })
  return { status: response.status, body: await response.json() }
}

describe('a hello whose history has parted', () => {
  it('is told so, and leaves authority, epoch and presence as they were', async () => {
    const own = await box('parted', 'J')
    await own.hello('n')
    await own.batch(1, [fact, fact, fact])
    const before = await siteRow('parted')
    gateway.clock.advance(1_000)
    const clone = await box('parted', 'J')
    const welcome = await clone.hello('c', { bootId: 'boot-2', heads: heads(2, 'J#2') })
    expect(welcome).toMatchObject({ forked: true, authority: false, epoch: 1 })
    expect(welcome.checkpoints?.map((it) => it.seq)).toEqual([2, 1])
    expect(await siteRow('parted')).toEqual(before)
    expect(await own.batch(4, [fact], { nonce: 'n' })).toMatchObject({ upTo: 4 })
    expect(own.received.some((it) => it.channel === 'recall')).toBe(false)
  })

  it('ends the conversation before of the same box: a batch of it that comes late is not taken', async () => {
    const own = await box('late', 'J')
    await own.hello('n')
    await own.batch(1, [fact, fact], { nonce: 'n' })
    await own.hello('again', { heads: heads(2, 'J#2'), probe: { telemetry: { shared: 0, differs: 1 } } })
    expect(await own.batch(3, [fact], { nonce: 'n' })).toMatchObject({ refused: 'unknown-epoch', nonce: 'n' })
    const welcome = await own.hello('third', { heads: heads(2, 'J#2') })
    expect(welcome).toMatchObject({ authority: true, expected: { ledger: { seq: 2 } } })
  })

  it('finds the row where it parted by asking inside what is open, from a log of thousands', async () => {
    const own = await box('deep', 'J')
    await own.hello('n')
    for (let from = 1; from < 4_000; from += 500)
      await own.batch(
        from,
        Array.from({ length: 500 }, () => fact),
      )
    const fork = 1_234
    const clone = await box('deep', 'J')
    const ownId = (seq: number) => (seq <= fork ? `J#${seq}` : `mine#${seq}`)
    let bounds = firstBounds({ head: 9_000, pruned: 0, expected: 4_000 })
    let hellos = 0
    while (!isExact(bounds)) {
      const { forked, checkpoints = [] } = await clone.hello(`q${hellos++}`, {
        bootId: 'boot-2',
        heads: heads(9_000, ownId(9_000)),
        probe: { ledger: bounds },
      })
      expect(forked).toBe(true)
      expect(checkpoints.length).toBeLessThanOrEqual(64)
      bounds = narrowed(bounds, checkpoints, ownId)
    }
    expect(bounds.shared).toBe(fork)
    expect(hellos).toBeLessThanOrEqual(3)
  })
})

describe('two boxes with one journal', () => {
  it('the one that spoke before is recalled, marks its history and has the journal again', async () => {
    const own = await box('twins', 'J')
    await own.hello('n')
    const clone = await box('twins', 'J')
    expect(await clone.hello('c', { bootId: 'boot-2' })).toMatchObject({
      authority: true,
      holdMs: HOLD_MS,
      epoch: 1,
    })
    const recall = await own.next('recall')
    expect(recall).toMatchObject({ journalId: 'J', nonce: 'n', epoch: 1, token: expect.any(String) })
    const answer = await own.hello('n2', { heads: heads(1, 'J#1'), recall: recall.token as string })
    expect(answer).toMatchObject({ authority: true, epoch: 1 })
    expect(answer.holdMs).toBeUndefined()
    expect(await own.batch(1, [fact], { nonce: 'n2' })).toMatchObject({ upTo: 1 })
    // The clone learns it at its first batch, and at its next hello that its history is another one.
    const rows = [{ id: 'clone#1', fact }]
    const refused = await clone.batch(1, [fact], { rows, nonce: 'c' })
    expect(refused).toMatchObject({ refused: 'unknown-epoch', nonce: 'c' })
    const parted = await clone.hello('c2', { bootId: 'boot-2', heads: heads(1, 'clone#1') })
    expect(parted).toMatchObject({ forked: true, authority: false })
  })

  it('the fork of the box that is not there any more speaks for the site at once, as its journal did', async () => {
    const before = await box('restored', 'J')
    await before.hello('n')
    await before.batch(1, [fact])
    gateway.clock.advance(PRESENCE_EXPIRY_MS + 1)
    const restored = await box('restored', 'J')
    await restored.hello('r', { bootId: 'boot-2', heads: heads(5, 'mine#5') })
    restored.journalId = 'K'
    const welcome = await restored.hello('k', { bootId: 'boot-2', forkedFrom: 'J' })
    expect(welcome).toMatchObject({ authority: true, epoch: 2 })
    expect(await told('restored', 'site.authority-given')).toEqual([
      { journalId: 'K', fromJournalId: 'J', epoch: 2, cause: 'forked', by: null },
    ])
  })

  it('the fork of a clone is fenced, and once both are heard the clone is told', async () => {
    const own = await box('heard', 'J')
    await own.hello('n')
    await own.batch(1, [fact, fact])
    const clone = await box('heard', 'K')
    expect(await clone.hello('k', { bootId: 'boot-2', forkedFrom: 'J' })).toMatchObject({ authority: false })
    expect(await told('heard', 'site.lane-fenced')).toMatchObject([
      { journalId: 'K', authorityJournalId: 'J', forkedFrom: 'J' },
    ])
    for (let i = 0; i < 4; i++) {
      gateway.clock.advance(5_000)
      await own.batch(3 + i, [fact])
    }
    const [suspicion] = await until('the clone', async () => {
      gateway.clock.advance(3_000)
      const found = await cloudFacts('heard', 'site.clone-suspected')
      return found.length > 0 ? found : undefined
    })
    expect(suspicion).toEqual({ journalId: 'J', forkJournalId: 'K' })
    // However often it says hello, it was told once.
    await clone.hello('k2', { bootId: 'boot-2', forkedFrom: 'J' })
    expect(await cloudFacts('heard', 'site.lane-fenced')).toHaveLength(1)
  })
})

describe('a new journal', () => {
  it('that came while the old one was heard is asked again once that one is silent, and takes over', async () => {
    const old = await box('new-card', 'J')
    const { epoch } = await old.hello('n')
    await old.end()
    const fresh = await box('new-card', 'N')
    expect(await fresh.hello('f', { bootId: 'boot-2' })).toMatchObject({ authority: false })
    const recall = await until('a recall', () => {
      gateway.clock.advance(5_000)
      return fresh.received.find((it) => it.channel === 'recall')?.message
    })
    expect(recall).toMatchObject({ journalId: 'N', nonce: 'f' })
    expect(recall.token).toBeUndefined()
    expect(await fresh.hello('f2', { bootId: 'boot-2' })).toMatchObject({ authority: true, epoch: epoch + 1 })
    expect(await told('new-card', 'site.authority-given')).toMatchObject([
      { journalId: 'N', fromJournalId: 'J', cause: 'replaced', by: null },
    ])
    // The old card comes back: it is fenced, and that is told.
    const back = await box('new-card', 'J')
    expect(await back.hello('b', { bootId: 'boot-3' })).toMatchObject({ authority: false })
    expect((await told('new-card', 'site.lane-fenced', 2)).at(-1)).toMatchObject({ journalId: 'J' })
  })
})

describe("an operator's decision", () => {
  it('moves authority at once: both are recalled, what is shown and sent follows, and it is told who decided', async () => {
    const first = await box('decided', 'J')
    const second = await box('decided', 'K')
    await first.hello('a')
    await second.hello('b', { bootId: 'boot-2' })
    await first.batch(1, [fact, fact])
    const lanes = await ask('GET', '/v1/sites/decided/lanes')
    expect(lanes).toMatchObject({
      status: 200,
      body: {
        items: [
          { journalId: 'J', authority: true, ledgerSeq: 2, forkedFrom: null },
          { journalId: 'K', authority: false },
        ],
      },
    })
    for (let time = 0; time < 2; time++) {
      const given = await ask('POST', '/v1/sites/decided/lanes/K/authority')
      expect(given).toMatchObject({
        status: 200,
        body: {
          items: [
            { journalId: 'K', authority: true, epoch: 2 },
            { journalId: 'J', authority: false },
          ],
        },
      })
    }
    expect(await first.next('recall', (it) => it.journalId === 'J')).toMatchObject({
      journalId: 'J',
      nonce: 'a',
      epoch: 1,
    })
    expect(await second.next('recall', (it) => it.journalId === 'K')).toMatchObject({
      journalId: 'K',
      nonce: 'b',
      epoch: 0,
    })
    expect(await second.hello('b2', { bootId: 'boot-2' })).toMatchObject({ authority: true, epoch: 2 })
    expect(await first.hello('a2', { heads: heads(2, 'J#2') })).toMatchObject({ authority: false })
    expect(await told('decided', 'site.authority-given', 2)).toEqual([
      { journalId: 'K', fromJournalId: 'J', epoch: 2, cause: 'operator', by: 'test' },
      { journalId: 'K', fromJournalId: 'K', epoch: 2, cause: 'operator', by: 'test' },
    ])
    const seen: string[] = []
    const stop = gateway.target.context.bus.subscribe(BUS.live('default'), (message) => {
      const picture = message as { siteId: string; journalId: string }
      if (picture.siteId === 'decided') seen.push(picture.journalId)
    })
    const picture = (journalId: string, epoch: number, bootId: string) =>
      JSON.stringify({
        v: 1,
        journalId,
        epoch,
        bootId,
        n: 1,
        at: '2026-11-23T12:00:00.000Z',
        ledgerSeq: 0,
        backlog: { ledger: 0, telemetry: 0 },
        stations: [],
        outcomes: [],
      })
    await first.publish('live', picture('J', 1, 'boot-1'), 0)
    await second.publish('live', picture('K', 2, 'boot-2'), 0)
    await until('the picture', () => (seen.length > 0 ? true : undefined))
    stop()
    expect(seen).toEqual(['K'])
    // Its rows are taken and marked as of a fenced lane.
    expect(await first.batch(3, [fact], { nonce: 'a2' })).toMatchObject({ upTo: 3 })
  })

  it('names what is not known', async () => {
    await (await box('known', 'J')).hello('n')
    expect(await ask('POST', '/v1/sites/known/lanes/X/authority')).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('X') },
    })
    expect((await ask('POST', '/v1/sites/nowhere/lanes/J/authority')).status).toBe(404)
    expect((await ask('GET', '/v1/sites/nowhere/lanes')).status).toBe(404)
  })
})

describe('two gateways over one database', () => {
  it('greet every box alike, whoever is first: one lane has authority, and both say the same epoch', async () => {
    const database = await createTestDatabase()
    const clock = createTestClock()
    const port = await freePort()
    const shared = { database, clock }
    const one = await startTestGateway({
      ...shared,
      env: { BROKER_PORT: String(port), MQTT_PASSWORD: 'cloud-secret' },
    })
    // Without shared subscriptions both take every message, at the same moment.
    const env = { MQTT_URL: `mqtt://127.0.0.1:${port}`, MQTT_PASSWORD: 'cloud-secret' }
    const two = await startTestGateway({ ...shared, env })
    const boxes: TestSite[] = []
    try {
      for (let round = 0; round < 5; round++) {
        const credential = await one.credential(`race-${round}`)
        const rivals = await Promise.all(['J', 'K', 'L'].map((id) => TestSite.connect(one, credential, id)))
        boxes.push(...rivals)
        const ids = await Promise.all(rivals.map((it, i) => it.hello(`n-${i}`, { bootId: `boot-${i}` })))
        expect(ids.filter((it) => it.authority)).toHaveLength(1)
        for (const it of rivals) {
          const welcomes = await until('both welcomes', () => {
            const all = it.received.filter(
              (m) => m.channel === 'welcome' && m.message.journalId === it.journalId,
            )
            return all.length === 2 ? all.map((m) => m.message) : undefined
          })
          expect(welcomes[0]).toMatchObject({ authority: welcomes[1]!.authority, epoch: welcomes[1]!.epoch })
        }
        // Both boxes write at once; each row is there once, in its own lane.
        const streams: Stream[] = ['ledger', 'telemetry']
        for (const it of rivals)
          for (const stream of streams)
            await it.publish(stream, it.gzipped(1, [fact, fact], { stream, nonce: it.nonce }))
        await until('all rows', async () => {
          const [row] = await one.sql<{ n: number; ids: number }[]>`
            select count(*)::int as n, count(distinct (journal_id, stream, seq))::int as ids from log.entry
             where site_id = ${`race-${round}`} and journal_id is not null`
          return row?.n === 12 && row.ids === 12 ? true : undefined
        })
      }
    } finally {
      await Promise.all(boxes.map((it) => it.end()))
      await two.close()
      await one.close()
      await database.drop()
    }
  })
})
