import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../testing.ts'
import { CONSUME_BATCH, CONSUME_SPAN, type ConsumeOptions, consumeOnce } from './consume.ts'
import { consumeOptions } from './consumer.ts'
import { registerConsumer } from './cursor.ts'
import { type LogEntry, oneByOne, type Projection } from './entry.ts'
import { replayParked } from './replay.ts'

let platform: TestPlatform
let taken: Projection
beforeEach(async () => {
  platform = await createTestPlatform({ service: { name: 'site-gateway', schema: 'site_gateway' } })
  await platform.sql`create table taken (n bigint generated always as identity, site_id text, seq bigint, kind text)`
  taken = {
    consumer: 'test',
    kinds: ['station.connected', 'station.disconnected'],
    apply: oneByOne(async (tx, entry) => {
      await tx`insert into taken (site_id, seq, kind) values (${entry.siteId}, ${entry.journal?.seq ?? 0}, ${entry.kind})`
    }),
  }
})
afterEach(() => platform?.close())

const connected = { kind: 'station.connected', stationId: 'CP1', data: { ocpp: 'ocpp1.6' } } as const
const gone = { kind: 'station.disconnected', stationId: 'CP1', data: { reason: 'test' } } as const
const stepped = { kind: 'clock.stepped', data: { byMs: 1, quality: 'synced' } } as const
const takenOf = async (siteId: string): Promise<number[]> =>
  (await platform.sql<{ seq: number }[]>`select seq from taken where site_id = ${siteId} order by n`).map(
    (it) => it.seq,
  )

function optionsOf(projection: Projection): ConsumeOptions {
  return consumeOptions(platform.context, projection)
}

describe('a consumer', () => {
  it('takes its kinds in order, passes over the others, and goes on where it was', async () => {
    await platform.appendFacts('a', [connected, stepped, gone])
    await platform.catchUp(taken)
    expect(await takenOf('a')).toEqual([1, 3])
    await platform.appendFacts('a', [stepped, connected])
    await platform.catchUp(taken)
    expect(await takenOf('a')).toEqual([1, 3, 5])
    const [behind] = await platform.sql<{ n: number }[]>`
      select count(*)::int as n from log.cursor c join log.head h using (partition) where c.position <> h.position`
    expect(behind?.n).toBe(0)
  })

  it('passes over much that it does not take at once, and stops where it has taken a batch', async () => {
    const wide = Array.from({ length: CONSUME_SPAN }, (_, i) => (i === 5 ? connected : stepped))
    const dense = Array.from({ length: CONSUME_BATCH + 3 }, () => connected)
    for (const facts of [wide, dense])
      for (let i = 0; i < facts.length; i += 1_000) await platform.appendFacts('a', facts.slice(i, i + 1_000))
    const counting = { ...taken, apply: async () => {} }
    await registerConsumer(optionsOf(counting))
    const steps: (number | undefined)[] = []
    for (let step = 0; step < 4; step++) steps.push((await consumeOnce(optionsOf(counting)))?.applied.length)
    expect(steps).toEqual([1, CONSUME_BATCH, 3, undefined])
  }, 180_000)

  it('shares the work with others, and nothing is taken twice', async () => {
    const sites = Array.from({ length: 12 }, (_, i) => `site-${i}`)
    for (const siteId of sites) await platform.appendFacts(siteId, [connected, gone, connected])
    await registerConsumer(optionsOf(taken))
    const worked = [0, 0]
    await Promise.all(
      worked.map(async (_, i) => {
        while (await consumeOnce(optionsOf(taken))) worked[i] = (worked[i] ?? 0) + 1
      }),
    )
    for (const siteId of sites) expect(await takenOf(siteId)).toEqual([1, 2, 3])
  })

  it('killed between applying and committing takes the same facts again, once', async () => {
    await platform.appendFacts('a', [connected, gone])
    await registerConsumer(optionsOf(taken))
    const dying: Projection = {
      ...taken,
      async apply(tx, readings) {
        await taken.apply(tx, readings)
        // As a process that dies: its connection is cut before the commit.
        await tx`select pg_terminate_backend(pg_backend_pid())`
      },
    }
    await expect(consumeOnce(optionsOf(dying))).rejects.toThrow()
    // Where there is one connection it may still be on its way out.
    await expect.poll(() => takenOf('a').catch(() => 'away')).toEqual([])
    await platform.catchUp(taken)
    expect(await takenOf('a')).toEqual([1, 2])
  })

  it('parks the site whose fact it cannot take, with an alert, and goes on with the others', async () => {
    const fussy = { ...taken, apply: refusing((entry) => entry.siteId === 'bad' && entry.journal?.seq === 2) }
    const neighbour = sameLogPartition('bad')
    await platform.appendFacts('bad', [connected])
    await platform.appendFacts(neighbour, [connected])
    await platform.appendFacts('bad', [gone, connected])
    await platform.appendFacts(neighbour, [gone])
    await platform.catchUp(fussy)
    expect(await takenOf('bad')).toEqual([1])
    expect(await takenOf(neighbour)).toEqual([1, 2])
    expect(await platform.relay()).toBe(1)
    const [alert] = await platform.entries('alert.raised')
    expect(alert?.siteId).toBe('bad')
    expect(alert?.text).toContain('refused by the test')

    // Still parked: what comes later waits too.
    await platform.appendFacts('bad', [gone])
    await platform.catchUp(fussy)
    expect(await takenOf('bad')).toEqual([1])
    expect(await replayParked(optionsOf(fussy), 'site:bad')).toMatchObject({
      applied: 0,
      parkedAgain: 'refused by the test',
    })

    expect(await replayParked(optionsOf(taken), 'site:bad')).toEqual({ applied: 3, parkedAgain: undefined })
    expect(await takenOf('bad')).toEqual([1, 2, 3, 4])
    await platform.relay()
    const [cleared] = await platform.entries('alert.cleared')
    expect(JSON.parse(cleared!.text).data.alertId).toBe(JSON.parse(alert!.text).data.alertId)
    await platform.appendFacts('bad', [gone])
    await platform.catchUp(taken)
    expect(await takenOf('bad')).toEqual([1, 2, 3, 4, 5])
    expect(await replayParked(optionsOf(taken), 'site:bad')).toBeUndefined()
  })

  it('does not park for what the database does, and tries again', async () => {
    await platform.appendFacts('a', [connected])
    let fail = true
    const unlucky: Projection = {
      ...taken,
      async apply(tx, readings) {
        if (fail) throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
        await taken.apply(tx, readings)
      },
    }
    await registerConsumer(optionsOf(taken))
    await expect(consumeOnce(optionsOf(unlucky))).rejects.toThrow('deadlock')
    fail = false
    await platform.catchUp(unlucky)
    expect(await takenOf('a')).toEqual([1])
    expect(await platform.sql`select 1 from log.parked`).toHaveLength(0)
  })

  it('never sees a row that cannot be read', async () => {
    const { eventLog } = platform.context
    await eventLog.append(eventLog.partitionOf('a'), [
      {
        tenantId: 'default',
        siteId: 'a',
        journalId: 'j',
        stream: 'ledger',
        after: 0,
        rows: [{ seq: 1, id: 'x', fact: '{"kind":"station.connected"' }],
        authority: true,
      },
    ])
    await platform.catchUp(taken)
    expect(await takenOf('a')).toEqual([])
    expect(await platform.sql`select 1 from log.parked`).toHaveLength(0)
  })
})

describe('an outbox', () => {
  const registered = {
    kind: 'site.registered',
    at: '2026-11-23T12:00:00.000Z',
    data: { name: 'x', timeZone: 'UTC' },
  } as const

  it('is moved to the log in order, once, also by two relays at the same time', async () => {
    const { eventLog } = platform.context
    await platform.sql.begin(async (tx) => {
      for (let i = 0; i < 40; i++)
        await eventLog.publish(tx, { tenantId: 'default', siteId: `site-${i % 5}`, ...registered })
    })
    const moved = await Promise.all([platform.relay(), platform.relay()])
    expect(moved[0] + moved[1]).toBe(40)
    const entries = await platform.entries('site.registered')
    expect(entries.map((it) => it.producer?.n).sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    )
    for (let i = 0; i < 5; i++) {
      const ns = entries.filter((it) => it.siteId === `site-${i}`).map((it) => it.producer?.n ?? 0)
      expect(ns).toEqual([...ns].sort((a, b) => a - b))
    }
  })

  it('does not tell twice what was told, even if its row comes back', async () => {
    const { eventLog } = platform.context
    await platform.sql.begin((tx) =>
      eventLog.publish(tx, { tenantId: 'default', siteId: 'a', ...registered }),
    )
    await platform.sql`create table kept as select * from site_gateway.outbox`
    await platform.relay()
    await platform.sql`insert into site_gateway.outbox overriding system value select * from kept`
    expect(await platform.relay()).toBe(1)
    expect(await platform.entries('site.registered')).toHaveLength(1)
  })

  it('tells nothing of a transaction that was rolled back', async () => {
    const { eventLog } = platform.context
    await platform.sql
      .begin(async (tx) => {
        await eventLog.publish(tx, { tenantId: 'default', siteId: null, ...registered })
        throw new Error('rolled back')
      })
      .catch(() => {})
    expect(await platform.relay()).toBe(0)
  })
})

function refusing(when: (entry: LogEntry) => boolean): Projection['apply'] {
  return async (tx, readings) => {
    await taken.apply(tx, readings)
    if (readings.some(({ entry }) => when(entry))) throw new Error('refused by the test')
  }
}

function sameLogPartition(siteId: string): string {
  const { eventLog } = platform.context
  for (let i = 0; ; i++) if (eventLog.partitionOf(`n${i}`) === eventLog.partitionOf(siteId)) return `n${i}`
}
