/** What every journal must do, whatever lies under it: one suite for SQLite at a site and Postgres in the cloud. */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { expect, it } from 'vitest'
import { type Change, ChangeRefused, type Journal, MAX_FACT_BYTES } from '../port.ts'

export function row(stream: Stream, id: string, text = `{"of":"${id}"}`): Change {
  return { facts: [{ stream, id, text }], puts: [], deletes: [] }
}

/** `opened` opens the test's journal, which is new at the first call and called J1, and closes it after the test. */
export function journalContract(opened: () => Journal): void {
  it('keeps rows, entities and its id over a reopening', async () => {
    const first = opened()
    expect(await first.load()).toMatchObject({ journalId: 'J1', entities: [] })
    await first.commit({
      facts: [
        { stream: 'ledger', id: 'a', text: '"ä\\u0000\u2028"' },
        { stream: 'telemetry', id: 'b', text: '2' },
      ],
      puts: [
        { kind: 'station', id: 'S', value: { name: 'naïve "S"', n: 1.5 } },
        { kind: 'station', id: 'T', value: null },
      ],
      deletes: [],
    })
    await first.commit({ facts: [], puts: [], deletes: [{ kind: 'station', id: 'T' }] })
    await first.close()

    const second = opened()
    const loaded = await second.load()
    expect(loaded).toEqual({
      journalId: 'J1',
      heads: { ledger: { seq: 1, rowId: 'a' }, telemetry: { seq: 1, rowId: 'b' } },
      acked: { ledger: 0, telemetry: 0 },
      entities: [{ kind: 'station', id: 'S', value: { name: 'naïve "S"', n: 1.5 } }],
    })
    expect(await second.readAfter('ledger', 0, 10, 1e6)).toEqual({
      prevId: '',
      rows: [{ seq: 1, id: 'a', fact: '"ä\\u0000\u2028"' }],
    })
  })

  it('reads within both bounds, and at least one row', async () => {
    const journal = opened()
    await journal.load()
    for (const id of ['a', 'b', 'c', 'd']) await journal.commit(row('ledger', id, 'x'.repeat(100)))
    const ids = async (seq: number, maxRows: number, maxBytes: number) =>
      (await journal.readAfter('ledger', seq, maxRows, maxBytes)).rows.map((r) => r.id)
    expect(await ids(0, 2, 1e6)).toEqual(['a', 'b'])
    expect(await ids(1, 10, 250)).toEqual(['b', 'c'])
    expect(await ids(1, 10, 1)).toEqual(['b'])
    expect(await ids(4, 10, 1e6)).toEqual([])
    expect((await journal.readAfter('ledger', 3, 10, 1e6)).prevId).toBe('c')
    expect((await journal.readAfter('ledger', 99, 10, 1e6)).prevId).toBeUndefined()
    expect((await journal.readAfter('telemetry', 0, 10, 1e6)).rows).toEqual([])
  })

  it('prunes only acknowledged rows, tells what is gone, and keeps its head', async () => {
    const journal = opened()
    await journal.load()
    for (const id of ['a', 'b', 'c', 'd']) await journal.commit(row('ledger', id))
    expect(await journal.prune('ledger', 4)).toBe(0)
    await journal.acknowledge('ledger', 3)
    await journal.acknowledge('ledger', 2)
    expect(await journal.prune('ledger', 4)).toBe(3)
    expect(await journal.readAfter('ledger', 1, 10, 1e6)).toEqual({
      prevId: undefined,
      rows: [],
      pruned: { seq: 3, rowId: 'c' },
    })
    const after = await journal.readAfter('ledger', 3, 10, 1e6)
    expect(after).toMatchObject({ prevId: 'c', rows: [{ seq: 4, id: 'd' }] })
    await journal.acknowledge('ledger', 4)
    expect(await journal.prune('ledger', 4)).toBe(1)
    await journal.close()

    const again = opened()
    expect(await again.load()).toMatchObject({
      heads: { ledger: { seq: 4, rowId: 'd' } },
      acked: { ledger: 4, telemetry: 0 },
    })
    expect((await again.commit(row('ledger', 'e'))).ledger).toEqual({ seq: 5, rowId: 'e' })
  })

  it('keeps again what a restored cloud lacks, although it had been acknowledged', async () => {
    const journal = opened()
    await journal.load()
    for (const id of ['a', 'b', 'c', 'd']) await journal.commit(row('ledger', id))
    await journal.acknowledge('ledger', 4)
    await journal.withdraw('ledger', 2)
    await journal.withdraw('ledger', 3)
    expect(await journal.prune('ledger', 4)).toBe(2)
    await journal.close()
    const again = opened()
    expect((await again.load()).acked.ledger).toBe(2)
    expect(await again.prune('ledger', 4)).toBe(0)
    await again.acknowledge('ledger', 4)
    expect(await again.prune('ledger', 4)).toBe(2)
  })

  it('refuses a fact over its bound and goes on', async () => {
    const journal = opened()
    await journal.load()
    const results = await Promise.allSettled([
      journal.commit(row('ledger', 'a')),
      journal.commit({
        facts: [
          { stream: 'ledger', id: 'b1', text: 'fine' },
          { stream: 'ledger', id: 'b2', text: 'ä'.repeat(MAX_FACT_BYTES / 2 + 1) },
        ],
        puts: [{ kind: 'k', id: 'b', value: 1 }],
        deletes: [],
      }),
      journal.commit(row('ledger', 'c')),
    ])
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(ChangeRefused)
    expect((await journal.readAfter('ledger', 0, 10, 1e6)).rows.map((r) => [r.seq, r.id])).toEqual([
      [1, 'a'],
      [2, 'c'],
    ])
    await journal.close()
    expect((await opened().load()).entities).toEqual([])
  })

  it('goes on as another journal: rows after the shared ones are its first, and nothing of them is acknowledged', async () => {
    const journal = opened()
    await journal.load()
    for (const id of ['a', 'b', 'c', 'd']) await journal.commit(row('ledger', id))
    await journal.acknowledge('ledger', 3)
    expect(await journal.prune('ledger', 1)).toBe(1)
    const wrong = { journalId: 'J2', shared: { ledger: 0, telemetry: 0 }, change: row('ledger', 'x') }
    await expect(journal.fork(wrong)).rejects.toBeInstanceOf(ChangeRefused)
    const fork = { ...wrong, shared: { ledger: 2, telemetry: 0 } }
    expect((await journal.fork(fork)).ledger).toEqual({ seq: 3, rowId: 'x' })
    expect(await journal.readAfter('ledger', 0, 10, 1e6)).toMatchObject({
      prevId: '',
      rows: [
        { seq: 1, id: 'c' },
        { seq: 2, id: 'd' },
        { seq: 3, id: 'x' },
      ],
    })
    await journal.close()
    const again = opened()
    expect(await again.load()).toMatchObject({
      journalId: 'J2',
      heads: { ledger: { seq: 3, rowId: 'x' } },
      acked: { ledger: 0, telemetry: 0 },
    })
    // Those of the journal before go first.
    expect(await again.prune('ledger', 3)).toBe(1)
    await again.acknowledge('ledger', 2)
    expect(await again.prune('ledger', 3)).toBe(2)
    expect((await again.commit(row('ledger', 'y'))).ledger).toEqual({ seq: 4, rowId: 'y' })
  })

  it('keeps the last of what one group says of an entity', async () => {
    const journal = opened()
    await journal.load()
    const put = (id: string, value: number) => ({ facts: [], puts: [{ kind: 'k', id, value }], deletes: [] })
    await Promise.all([
      journal.commit(put('a', 1)),
      journal.commit({ facts: [], puts: [], deletes: [{ kind: 'k', id: 'a' }] }),
      journal.commit(put('b', 2)),
      journal.commit(put('b', 3)),
      journal.commit({ facts: [], puts: [], deletes: [{ kind: 'k', id: 'c' }] }),
      journal.commit(put('c', 4)),
    ])
    await journal.close()
    const { entities } = await opened().load()
    expect(entities.toSorted((x, y) => (x.id < y.id ? -1 : 1))).toEqual([
      { kind: 'k', id: 'b', value: 3 },
      { kind: 'k', id: 'c', value: 4 },
    ])
  })
}
