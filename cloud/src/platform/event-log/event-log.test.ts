import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../testing.ts'
import type { LaneAppend } from './event-log.ts'
import { partitionOf } from './partition.ts'
import { UNREADABLE } from './rows.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform()
})
afterAll(() => platform?.close())

const head = { at: '2026-11-23T12:00:00.000Z', monoMs: 1, bootId: 'b', clock: 'synced' }
const connected = (stationId: string) =>
  JSON.stringify({ kind: 'station.connected', stationId, ...head, data: { ocpp: 'ocpp1.6' } })

function lane(siteId: string, after: number, facts: string[], more: Partial<LaneAppend> = {}): LaneAppend {
  return {
    tenantId: 'default',
    siteId,
    journalId: `j-${siteId}`,
    stream: 'ledger',
    after,
    rows: facts.map((fact, i) => ({ seq: after + 1 + i, id: `${siteId}-${after + 1 + i}`, fact })),
    authority: true,
    ...more,
  }
}

describe('appending', () => {
  it('gives gapless, ordered positions under eight writers at once', async () => {
    const { eventLog } = platform.context
    const sites = Array.from({ length: 400 }, (_, i) => `s${i}`)
      .filter((it) => partitionOf(it) === 3)
      .slice(0, 8)
    expect(sites).toHaveLength(8)
    await Promise.all(
      sites.map(async (siteId) => {
        for (let after = 0; after < 30; after += 3) {
          const [result] = await eventLog.append(3, [
            lane(siteId, after, [connected('a'), connected('b'), connected('c')]),
          ])
          expect(result).toMatchObject({ appended: true, last: after + 3, lastId: `${siteId}-${after + 3}` })
        }
      }),
    )
    const entries = await eventLog.read(3, 0, 1_000)
    expect(entries.map((it) => it.position)).toEqual(Array.from({ length: 240 }, (_, i) => i + 1))
    const times = entries.map((it) => it.receivedAt.getTime())
    expect(times).toEqual([...times].sort((a, b) => a - b))
    for (const siteId of sites) {
      const own = entries.filter((it) => it.siteId === siteId).map((it) => it.journal?.seq)
      expect(own).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
    }
  })

  it('leaves a stale lane alone and appends the others of the same statement', async () => {
    const { eventLog } = platform.context
    const [a = '', b = ''] = Array.from({ length: 400 }, (_, i) => `t${i}`).filter(
      (it) => partitionOf(it) === 1,
    )
    await eventLog.append(1, [lane(a, 0, [connected('x')])])
    const results = await eventLog.append(1, [
      lane(a, 0, [connected('x')]),
      lane(b, 0, [connected('y'), connected('y')]),
    ])
    expect(results).toMatchObject([
      { appended: false, stale: true },
      { appended: true, last: 2, lastId: `${b}-2` },
    ])
    expect(await eventLog.streamState(a, `j-${a}`, 'ledger')).toEqual({ last: 1, lastId: `${a}-1` })
  })

  it('keeps the exact bytes of what Postgres text would refuse, and says what cannot be read', async () => {
    const { eventLog, sql } = platform.context
    const nul = JSON.stringify({
      kind: 'station.connected',
      stationId: 'CP\u0000 1',
      ...head,
      data: { ocpp: '\u0000\ud800' },
    })
    const facts = [nul, 'not json \u0000', connected('\ud800half'), '{"kind":"from.the-future","at":1}', '']
    const partition = partitionOf('odd')
    const [result] = await eventLog.append(partition, [lane('odd', 0, facts)])
    expect(result).toMatchObject({ appended: true, last: 5, unreadable: 3 })
    const entries = (await eventLog.read(partition, 0, 1_000)).filter((it) => it.siteId === 'odd')
    expect(entries.map((it) => it.text)).toEqual(facts)
    expect(entries.map((it) => it.kind)).toEqual([
      'station.connected',
      UNREADABLE,
      'station.connected',
      UNREADABLE,
      UNREADABLE,
    ])
    expect(entries[0]?.stationId).toBe('CP 1')
    const poison = await sql`select seq, reason from log.poison where site_id = 'odd' order by seq`
    expect(poison.map((it) => it.seq)).toEqual([2, 4, 5])
    expect(poison[0]?.reason).toContain('not JSON')
  })

  it('keeps half of a surrogate pair as its JSON escape, which says the same', async () => {
    const { eventLog } = platform.context
    const raw = connected('x').replace('"x"', '"\ud800"')
    const partition = partitionOf('half')
    await eventLog.append(partition, [lane('half', 0, [raw])])
    const [entry] = (await eventLog.read(partition, 0, 1_000)).filter((it) => it.siteId === 'half')
    expect(JSON.parse(entry?.text ?? '')).toEqual(JSON.parse(raw))
  })

  it('gives the ids of stored rows for overlaps, a gap fact with the id of its last row', async () => {
    const { eventLog } = platform.context
    const gap: FactDraft = { kind: 'stream.gap', data: { from: 2, to: 4, reason: 'disk' } }
    const partition = partitionOf('gaps')
    await eventLog.append(partition, [
      lane('gaps', 0, [], {
        rows: [
          { seq: 1, id: 'a', fact: connected('x') },
          { seq: 4, id: 'd', fact: JSON.stringify({ ...gap, ...head }), covers: 3 },
          { seq: 5, id: 'e', fact: connected('x') },
        ],
      }),
    ])
    expect([...(await eventLog.rowIds('gaps', 'j-gaps', 'ledger', 1, 5))]).toEqual([
      [1, 'a'],
      [4, 'd'],
      [5, 'e'],
    ])
  })

  it('chooses the same log partition in the program and in SQL', async () => {
    for (const key of ['site-1', 'default', 'Zürich', 'a'.repeat(63)]) {
      const [row] = await platform.sql<{ partition: number }[]>`select log.partition_of(${key}) as partition`
      expect(row?.partition).toBe(partitionOf(key))
    }
  })
})
