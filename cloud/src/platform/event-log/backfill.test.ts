import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../testing.ts'
import { backfillOnce, noticeKinds, ROLLOUT_MS } from './backfill.ts'
import { consumeOnce } from './consume.ts'
import { consumeOptions } from './consumer.ts'
import { registerConsumer } from './cursor.ts'
import { oneByOne, type Projection } from './entry.ts'
import { listPoison, releasePoison } from './poison.ts'
import { replayParked } from './replay.ts'

let platform: TestPlatform
beforeEach(async () => {
  platform = await createTestPlatform({ service: { name: 'site-gateway', schema: 'site_gateway' } })
  await platform.sql`create table taken (site_id text, seq bigint, kind text, times int default 1,
    n bigint generated always as identity, primary key (site_id, seq))`
})
afterEach(() => platform?.close())

/** A consumer of these kinds, as one version of a service has it; it refuses what `refuses` says. */
function version(kinds: string[], refuses: (seq: number) => boolean = () => false): Projection {
  return {
    consumer: 'test',
    kinds,
    apply: oneByOne(async (tx, entry) => {
      if (refuses(entry.journal?.seq ?? 0)) throw new Error('refused by the test')
      await tx`insert into taken as t (site_id, seq, kind) values (${entry.siteId}, ${entry.journal?.seq ?? 0}, ${entry.kind})
        on conflict (site_id, seq) do update set times = t.times + 1`
    }),
  }
}
const CONNECTED = 'station.connected'
const GONE = 'station.disconnected'
const connected = { kind: CONNECTED, stationId: 'CP1', data: { ocpp: 'ocpp1.6' } } as const
const gone = { kind: GONE, stationId: 'CP1', data: { reason: 'test' } } as const
const takenOf = async (siteId: string): Promise<number[]> =>
  (await platform.sql<{ seq: number }[]>`select seq from taken where site_id = ${siteId} order by n`).map(
    (it) => it.seq,
  )
const left = () => platform.sql`select 1 from log.backfill`

describe('a kind that a newer version has learnt', () => {
  it('is taken from what was passed, in order, and then as any other', async () => {
    await platform.appendFacts('a', [connected, gone, connected, gone])
    await platform.catchUp(version([CONNECTED]))
    expect(await takenOf('a')).toEqual([1, 3])
    await platform.catchUp(version([CONNECTED, GONE]))
    expect(await takenOf('a')).toEqual([1, 3, 2, 4])
    await platform.appendFacts('a', [gone])
    await platform.catchUp(version([CONNECTED, GONE]))
    expect(await takenOf('a')).toEqual([1, 3, 2, 4, 5])
  })

  it('of a consumer that is new is taken once, for there is nothing that it passed', async () => {
    await platform.appendFacts('a', [connected, gone])
    await platform.catchUp(version([CONNECTED, GONE]))
    expect(await takenOf('a')).toEqual([1, 2])
    expect(await left()).toHaveLength(0)
  })

  it('and is passed once more by a replica of the version before, is taken all the same', async () => {
    const { sql, clock, context } = platform
    await platform.appendFacts('a', [connected])
    await platform.catchUp(version([CONNECTED]))
    const newer = version([CONNECTED, GONE])
    await noticeKinds(sql, 'test', newer.kinds, clock.now())
    await platform.appendFacts('a', [gone])
    // The replica of the version before is still there and moves the cursor.
    while (await consumeOnce(consumeOptions(context, version([CONNECTED])))) {}
    await platform.catchUp(newer)
    expect(await takenOf('a')).toEqual([1, 2])
    clock.advance(ROLLOUT_MS)
    await platform.catchUp(newer)
    expect(await left()).toHaveLength(0)
  })

  it('was forgotten by an older version that ran in between, and is looked for again', async () => {
    await platform.catchUp(version([CONNECTED, GONE]))
    await platform.appendFacts('a', [gone])
    await platform.catchUp(version([CONNECTED]))
    expect(await takenOf('a')).toEqual([])
    await platform.catchUp(version([CONNECTED, GONE]))
    expect(await takenOf('a')).toEqual([1])
  })

  it('that it cannot take goes to what is set aside with an alert, and holds up nothing', async () => {
    await platform.appendFacts('a', [gone, gone, gone, connected])
    await platform.catchUp(version([CONNECTED]))
    await platform.catchUp(version([CONNECTED, GONE], (seq) => seq === 2))
    expect((await takenOf('a')).sort()).toEqual([1, 3, 4])
    expect(await platform.sql`select 1 from log.parked`).toHaveLength(0)
    const [aside] = await listPoison(platform.sql, 'default', 'a', { partition: -1, position: 0 }, 10)
    expect(aside).toMatchObject({ seq: 2, reason: 'test: refused by the test' })
    await platform.relay()
    expect(await platform.entries('alert.raised')).toHaveLength(1)

    // Mended: it is let go and taken, once.
    expect(await releasePoison(platform.sql, 'default', 'a', async () => {})).toMatchObject({
      released: 1,
      left: 0,
      cleared: ['a'],
    })
    await platform.catchUp(version([CONNECTED, GONE]))
    expect((await takenOf('a')).sort()).toEqual([1, 2, 3, 4])
  })

  it('waits for the replay where the site is parked', async () => {
    const { context } = platform
    await platform.appendFacts('a', [gone, connected, gone, connected])
    await platform.catchUp(version([CONNECTED], (seq) => seq === 2))
    const newer = version([CONNECTED, GONE])
    await platform.catchUp(newer)
    expect(await takenOf('a')).toEqual([1])
    await replayParked(consumeOptions(context, newer), 'site:a')
    expect(await takenOf('a')).toEqual([1, 2, 3, 4])
  })
})

it('whatever versions follow each other, all that the last one knows is taken at the end', {
  timeout: 60_000,
}, async () => {
  const { sql, context, clock } = platform
  let round = 0
  const kinds = [CONNECTED, GONE, 'clock.stepped']
  const drafts = [connected, gone, { kind: 'clock.stepped', data: { byMs: 1, quality: 'synced' } } as const]
  const step = fc.oneof(
    fc.record({ do: fc.constant('append' as const), kind: fc.nat(2) }),
    fc.record({ do: fc.constant('run' as const), kinds: fc.subarray(kinds, { minLength: 1 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const site = `site-${round++}`
      const consumer = `test-${site}`
      const at = (version: Projection) => ({ ...version, consumer })
      let appended = 0
      for (const it of steps) {
        if (it.do === 'append') {
          await platform.appendFacts(site, [drafts[it.kind]!])
          appended++
        } else await platform.catchUp(at(version(it.kinds)))
      }
      await platform.catchUp(at(version(kinds)))
      expect((await takenOf(site)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: appended }, (_, i) => i + 1),
      )
    }),
    {
      numRuns: 15,
      // Learnt, forgotten and learnt again: what the forgetful version passed was counted as looked over.
      examples: [
        [
          [
            { do: 'run', kinds: ['clock.stepped'] },
            { do: 'run', kinds: [GONE] },
            { do: 'append', kind: 1 },
            { do: 'run', kinds: [CONNECTED] },
          ],
        ],
      ],
    },
  )
  // What no rollout needs any more is gone.
  clock.advance(ROLLOUT_MS)
  await registerConsumer(consumeOptions(context, { ...version(kinds), consumer: 'other' }))
  for (const { consumer } of await sql<{ consumer: string }[]>`select distinct consumer from log.backfill`)
    while (await backfillOnce(consumeOptions(context, { ...version(kinds), consumer }), clock.now())) {}
  expect(await left()).toHaveLength(0)
})
