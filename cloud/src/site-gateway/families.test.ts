import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { testHeaders } from '../platform/testing.ts'
import { factText, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

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
const rows = (...ids: string[]) => ids.map((id) => ({ id, fact }))
/** Publishes rows of these ids as one batch; gives the answer to it, which every box of the site sees. */
function send(site: TestSite, from: number, prevId: string, ...ids: string[]) {
  const { journalId, nonce } = site
  const already = site.received.length
  const more = { rows: rows(...ids), to: from + ids.length - 1, prevId, nonce }
  void site.publish('ledger', site.gzipped(from, [], more))
  return site.next('ack', (it) => it.journalId === journalId && it.nonce === nonce, already)
}

/** The log of a site in order: `journal/seq id`, and what stands for others with its kind. */
async function logOf(siteId: string): Promise<string[]> {
  const { eventLog } = gateway.target.context
  const entries = await eventLog.read(eventLog.partitionOf(siteId), 0, 5_000)
  return entries
    .filter((it) => it.siteId === siteId && it.journal)
    .map((it) => {
      const { journalId, seq, rowId } = it.journal!
      return `${journalId}/${seq} ${it.kind.startsWith('stream.') ? it.kind : rowId}`
    })
}

/** Holds the log partition of a site for as long as an append of it waits, and does `meanwhile` then. */
async function whileAppending(siteId: string, append: () => void, meanwhile: () => Promise<void>) {
  const { eventLog } = gateway.target.context
  await gateway.sql.begin(async (tx) => {
    await tx`select 1 from log.head where partition = ${eventLog.partitionOf(siteId)} for update`
    append()
    await until('an append waits for its partition', async () => {
      const [waiting] = await gateway.sql`
        select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%log.append(%'`
      return waiting ? true : undefined
    })
    await meanwhile()
  })
}

describe('a batch that was judged and not yet appended', () => {
  it('is refused when its conversation ends in between', async () => {
    const own = await box('between', 'J')
    await own.hello('n')
    await send(own, 1, '', 'r1')
    let answer: Promise<object> | undefined
    await whileAppending(
      'between',
      () => {
        answer = send(own, 2, 'r1', 'r2')
      },
      async () => {
        const other = await box('between', 'J')
        await other.hello('c', { bootId: 'boot-2', heads: heads(1, 'r1') })
      },
    )
    expect(await answer).toMatchObject({ refused: 'unknown-epoch', nonce: 'n' })
    expect(await logOf('between')).toEqual(['J/1 r1'])
  })

  it('is not logged as the word of the lane in authority once that is another one', async () => {
    const own = await box('fenced', 'J')
    await own.hello('n')
    await send(own, 1, '', 'r1')
    const other = await box('fenced', 'K')
    await other.hello('k', { bootId: 'boot-2' })
    let answer: Promise<object> | undefined
    await whileAppending(
      'fenced',
      () => {
        answer = send(own, 2, 'r1', 'r2')
      },
      async () => {
        const url = `${gateway.target.url}/v1/sites/fenced/lanes/K/authority`
        expect((await fetch(url, { method: 'POST', headers: testHeaders() })).status).toBe(200)
      },
    )
    expect(await answer).toMatchObject({ upTo: 2 })
    const { eventLog } = gateway.target.context
    const entries = await eventLog.read(eventLog.partitionOf('fenced'), 0, 5_000)
    const last = entries.find((it) => it.siteId === 'fenced' && it.journal?.rowId === 'r2')
    expect(last?.journal?.authority).toBe(false)
  })
})

it('a fork is told how much is held of the journals before it', async () => {
  const own = await box('lacking', 'J')
  await own.hello('n')
  await send(own, 1, '', 'r1', 'r2', 'r3')
  const root = { journalId: 'J', telemetry: 0 }
  const ask = (nonce: string, ledger: number) =>
    own.hello(nonce, { journalId: 'K', forkedFrom: 'J', root: { ...root, ledger } })
  const none = { seq: 0, rowId: '' }
  expect((await ask('k1', 2)).root).toEqual({ ledger: { seq: 2, rowId: 'r2' }, telemetry: none })
  expect((await ask('k2', 7)).root).toEqual({ ledger: { seq: 3, rowId: 'r3' }, telemetry: none })
  const unknown = { journalId: 'L', forkedFrom: 'gone', root: { journalId: 'gone', ledger: 2, telemetry: 1 } }
  expect((await own.hello('k3', unknown)).root).toEqual({ ledger: none, telemetry: none })
})

describe('a clone that forked while its twin was still sending what both have', () => {
  /** Rows r1..r6 are on both cards, the cloud has r1..r3. The clone forks after r3: its rows 1, 2, 3 are r4, r5, r6. */
  async function twins(siteId: string): Promise<{ own: TestSite; clone: TestSite }> {
    const own = await box(siteId, 'J')
    await own.hello('n')
    await send(own, 1, '', 'r1', 'r2', 'r3')
    const clone = await box(siteId, 'K')
    const root = { journalId: 'J', ledger: 3, telemetry: 0 }
    await clone.hello('k', { bootId: 'boot-2', forkedFrom: 'J', root })
    return { own, clone }
  }

  it('has each row once, whoever brings it first, and sequences stay whole', async () => {
    const { own, clone } = await twins('twins')
    expect(await send(own, 4, 'r3', 'r4')).toMatchObject({ upTo: 4, rowId: 'r4' })
    expect(await send(clone, 1, '', 'r4', 'r5')).toMatchObject({ upTo: 2, rowId: 'r5' })
    expect(await send(own, 5, 'r4', 'r5', 'r6', 'own7')).toMatchObject({ upTo: 7, rowId: 'own7' })
    expect(await send(clone, 3, 'r5', 'r6', 'clone7', 'clone8')).toMatchObject({ upTo: 5, rowId: 'clone8' })
    expect(await logOf('twins')).toEqual([
      ...['J/1 r1', 'J/2 r2', 'J/3 r3', 'J/4 r4', 'K/1 stream.shared', 'K/2 r5'],
      ...['J/5 stream.shared', 'J/6 r6', 'J/7 own7', 'K/3 stream.shared', 'K/4 clone7', 'K/5 clone8'],
    ])
    // Again, as after a lost acknowledgement: nothing is new.
    expect(await send(clone, 1, '', 'r4', 'r5', 'r6')).toMatchObject({ upTo: 5 })
    expect(await send(own, 8, 'own7', 'own8')).toMatchObject({ upTo: 8 })
    expect(await logOf('twins')).toHaveLength(13)
  })

  it('has each row once also when an append of its twin was under way as it registered', async () => {
    const own = await box('race', 'J')
    await own.hello('n')
    await send(own, 1, '', 'r1', 'r2', 'r3')
    const clone = await box('race', 'K')
    const root = { journalId: 'J', ledger: 3, telemetry: 0 }
    let welcomed: Promise<unknown> | undefined
    await whileAppending(
      'race',
      () => void send(own, 4, 'r3', 'r4', 'r5'),
      async () => {
        welcomed = clone.hello('k', { bootId: 'boot-2', forkedFrom: 'J', root })
        await until('the fork is registered', async () => {
          const [lane] = await gateway.sql`
            select 1 from site_gateway.lane where site_id = 'race' and journal_id = 'K'`
          return lane ? true : undefined
        })
      },
    )
    await welcomed
    await send(clone, 1, '', 'r4', 'r5', 'clone6')
    await until('both are in the log', async () => ((await logOf('race')).length >= 6 ? true : undefined))
    const log = await logOf('race')
    expect(log.filter((it) => it.endsWith(' r4') || it.endsWith(' r5'))).toHaveLength(2)
    expect(log).toContain('K/3 clone6')
  })

  it('gives each row once under any order of both', async () => {
    for (let round = 0; round < 6; round++) {
      const { own, clone } = await twins(`any-${round}`)
      const ids = ['r4', 'r5', 'r6']
      const answers = await Promise.all([
        send(own, 4, 'r3', ...ids, 'own7'),
        send(clone, 1, '', ...ids, 'clone7'),
      ])
      expect(answers.every((it) => it.refused === undefined)).toBe(true)
      const log = (await logOf(`any-${round}`)).map((it) => it.split(' ')[1])
      expect(log.filter((it) => it !== 'stream.shared').sort()).toEqual(
        ['r1', 'r2', 'r3', ...ids, 'own7', 'clone7'].sort(),
      )
    }
  })

  it('whose histories have parted visibly is taken as any other', async () => {
    const { own, clone } = await twins('parted')
    await send(own, 4, 'r3', 'own4', 'own5', 'own6')
    await send(clone, 1, '', 'clone4')
    await send(clone, 2, 'clone4', 'clone5')
    expect((await logOf('parted')).slice(3)).toEqual([
      ...['J/4 own4', 'J/5 own5', 'J/6 own6', 'K/1 clone4', 'K/2 clone5'],
    ])
  })
})
