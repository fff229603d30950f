import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Change, ChangeRefused, type Journal, JournalFull } from './port.ts'
import { SqliteJournal } from './sqlite.ts'
import { InlineJournal } from './testing/inline-journal.ts'
import { WorkerJournal } from './worker-journal.ts'

let folder: string
let file: string
const open: Journal[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-fork-'))
  file = join(folder, 'journal.db')
})
afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const openers = {
  inline: (): Journal => new InlineJournal(file, 'J1'),
  worker: (): Journal => new WorkerJournal({ file, newJournalId: 'J1', onFailure: () => {} }),
}
function row(stream: Stream, id: string): Change {
  return { facts: [{ stream, id, text: `{"of":"${id}"}` }], puts: [], deletes: [] }
}
const nothing: Change = { facts: [], puts: [], deletes: [] }
const nowhere = { seq: 0, rowId: '' }

describe.each(['inline', 'worker'] as const)('a fork of the %s journal', (how) => {
  function opened(): Journal {
    const journal = openers[how]()
    open.push(journal)
    return journal
  }
  async function filled(rows: number): Promise<Journal> {
    const journal = opened()
    await journal.load()
    for (let i = 1; i <= rows; i++) await journal.commit(row('ledger', `l${i}`))
    return journal
  }
  async function reopened(journal: Journal): Promise<Journal> {
    open.splice(open.indexOf(journal), 1)
    await journal.close()
    return opened()
  }

  it('gives the rows after the shared one new seqs, with their ids and texts, and forgets what was acknowledged', async () => {
    let journal = await filled(6)
    await journal.commit(row('telemetry', 't1'))
    await journal.acknowledge('ledger', 4)
    await journal.acknowledge('telemetry', 1)
    const heads = await journal.fork({
      journalId: 'J2',
      shared: { ledger: 4, telemetry: 1 },
      change: { ...row('ledger', 'forked'), puts: [{ kind: 'sync', id: 'fork', value: { from: 'J1' } }] },
    })
    expect(heads).toEqual({ ledger: { seq: 3, rowId: 'forked' }, telemetry: nowhere })
    expect(await journal.commit(row('telemetry', 't2'))).toMatchObject({ telemetry: { seq: 1, rowId: 't2' } })
    for (let look = 0; look < 2; look++) {
      const after = await journal.readAfter('ledger', 0, 10, 1_000)
      expect(after).toEqual({
        prevId: '',
        rows: [
          { seq: 1, id: 'l5', fact: '{"of":"l5"}' },
          { seq: 2, id: 'l6', fact: '{"of":"l6"}' },
          { seq: 3, id: 'forked', fact: '{"of":"forked"}' },
        ],
      })
      expect((await journal.readAfter('ledger', 2, 10, 1_000)).prevId).toBe('l6')
      expect((await journal.readAfter('telemetry', 0, 10, 1_000)).rows.map((r) => r.id)).toEqual(['t2'])
      journal = await reopened(journal)
      const loaded = await journal.load()
      expect(loaded).toMatchObject({
        journalId: 'J2',
        heads: { ledger: { seq: 3, rowId: 'forked' }, telemetry: { seq: 1, rowId: 't2' } },
        acked: { ledger: 0, telemetry: 0 },
        entities: [{ kind: 'sync', id: 'fork', value: { from: 'J1' } }],
      })
    }
  })

  it('asked again under the same new id changes nothing', async () => {
    const journal = await filled(3)
    const fork = { journalId: 'J2', shared: { ledger: 1, telemetry: 0 }, change: row('ledger', 'forked') }
    const heads = await journal.fork(fork)
    expect(await journal.fork(fork)).toEqual(heads)
    expect((await journal.readAfter('ledger', 0, 10, 1_000)).rows.map((r) => r.id)).toEqual([
      'l2',
      'l3',
      'forked',
    ])
  })

  it('never takes an acknowledgement of the journal before for one of its own: nothing of it is pruned', async () => {
    const journal = await filled(5)
    await journal.acknowledge('ledger', 5)
    await journal.fork({ journalId: 'J2', shared: { ledger: 1, telemetry: 0 }, change: nothing })
    await journal.commit(row('ledger', 'new'))
    // The first call takes what is left of the journal before.
    expect(await journal.prune('ledger', 99)).toBe(1)
    expect(await journal.prune('ledger', 99)).toBe(0)
    await journal.acknowledge('ledger', 2)
    expect(await journal.prune('ledger', 99)).toBe(2)
    expect(await journal.readAfter('ledger', 0, 10, 1_000)).toMatchObject({
      rows: [],
      pruned: { seq: 2, rowId: 'l3' },
    })
    expect((await journal.readAfter('ledger', 2, 10, 1_000)).rows.map((r) => [r.seq, r.id])).toEqual([
      [3, 'l4'],
      [4, 'l5'],
      [5, 'new'],
    ])
  })

  it('takes up rows of the journals before, as far as they are left', async () => {
    let journal = await filled(6)
    await journal.acknowledge('ledger', 6)
    await journal.fork({ journalId: 'J2', shared: { ledger: 6, telemetry: 0 }, change: nothing })
    // Nothing of its own is old enough yet: what came before stays.
    expect(await journal.prune('ledger', 0)).toBe(0)
    expect((await journal.readAfter('ledger', -2, 10, 1_000)).rows.map((r) => [r.seq, r.id])).toEqual([
      [-1, 'l5'],
      [0, 'l6'],
    ])
    expect((await journal.readAfter('ledger', -2, 10, 1_000)).prevId).toBe('l4')
    const again = (ledger: number, journalId: string) =>
      journal.fork({ journalId, shared: { ledger, telemetry: 0 }, change: nothing })
    await expect(again(-7, 'J3')).rejects.toThrow(/after row -7; it has -6 to 0/)
    expect(await again(-4, 'J3')).toMatchObject({ ledger: { seq: 4, rowId: 'l6' } })
    await journal.commit(row('ledger', 'new'))
    journal = await reopened(journal)
    expect((await journal.load()).heads.ledger).toEqual({ seq: 5, rowId: 'new' })
    const ids = async () => (await journal.readAfter('ledger', 0, 10, 1_000)).rows.map((r) => [r.seq, r.id])
    expect(await ids()).toEqual([
      [1, 'l3'],
      [2, 'l4'],
      [3, 'l5'],
      [4, 'l6'],
      [5, 'new'],
    ])
    expect(await again(-2, 'J4')).toMatchObject({ ledger: { seq: 7, rowId: 'new' } })
    expect((await ids())[0]).toEqual([1, 'l1'])
  })

  it('is refused where it would lose rows that are pruned, or name rows that are not there', async () => {
    const journal = await filled(4)
    await journal.acknowledge('ledger', 3)
    expect(await journal.prune('ledger', 3)).toBe(3)
    const fork = (ledger: number) =>
      journal.fork({ journalId: 'J2', shared: { ledger, telemetry: 0 }, change: nothing })
    await expect(fork(2)).rejects.toThrow(ChangeRefused)
    await expect(fork(5)).rejects.toThrow(/after row 5; it has 3 to 4/)
    expect(await journal.commit(row('ledger', 'l5'))).toMatchObject({ ledger: { seq: 5 } })
    expect(await fork(3)).toMatchObject({ ledger: { seq: 2, rowId: 'l5' } })
  })

  it('takes in order what was committed before and after it without waiting', async () => {
    const journal = await filled(2)
    const order: string[] = []
    const tell = (what: string) => () => void order.push(what)
    await Promise.all([
      journal.commit(row('ledger', 'before')).then(tell('before')),
      new Promise((resolve) => setImmediate(resolve)),
    ])
    const forked = journal
      .fork({ journalId: 'J2', shared: { ledger: 2, telemetry: 0 }, change: row('ledger', 'forked') })
      .then(tell('forked'))
    const after = journal.commit(row('ledger', 'after')).then(tell('after'))
    await Promise.all([forked, after])
    expect(order).toEqual(['before', 'forked', 'after'])
    expect((await journal.readAfter('ledger', 0, 10, 1_000)).rows.map((r) => r.id)).toEqual([
      'before',
      'forked',
      'after',
    ])
  })
})

describe('a fork in the file', () => {
  it('on a full disk takes the reserve before it fails, as a commit does', () => {
    let spent = 0
    const makeRoom = (): boolean => {
      if (spent++ > 0) return false
      journal.limitBytes(60 * 4096)
      return true
    }
    const journal = new SqliteJournal(file, 'J1', { maxBytes: 30 * 4096, makeRoom })
    const facts = (id: string, text: string) => ({
      facts: [{ stream: 'ledger' as const, id, text }],
      puts: [],
      deletes: [],
    })
    for (const id of ['a', 'b']) journal.commitGroup([facts(id, 'x'.repeat(40_000))])
    journal.fork({
      journalId: 'J2',
      shared: { ledger: 1, telemetry: 0 },
      change: facts('c', 'x'.repeat(60_000)),
    })
    expect(spent).toBe(1)
    expect(journal.load()).toMatchObject({ journalId: 'J2', heads: { ledger: { seq: 2, rowId: 'c' } } })
    journal.close()
  })

  it('is whole or not at all: on a full disk, and where its change is wrong, everything is as before', async () => {
    const journal = new SqliteJournal(file, 'J1', { maxBytes: 30 * 4096 })
    const facts = (id: string, text: string) => ({
      facts: [{ stream: 'ledger' as const, id, text }],
      puts: [],
      deletes: [],
    })
    journal.commitGroup([facts('a', 'a'), facts('b', 'b')])
    const fork = (change: ReturnType<typeof facts>) =>
      journal.fork({ journalId: 'J2', shared: { ledger: 1, telemetry: 0 }, change })
    expect(() => fork(facts('big', 'x'.repeat(70_000)))).toThrow(ChangeRefused)
    for (let i = 0; i < 3; i++) journal.commitGroup([facts(`fill${i}`, 'x'.repeat(60_000))])
    expect(() => fork(facts('c', 'x'.repeat(60_000)))).toThrow(JournalFull)
    expect(journal.load()).toMatchObject({ journalId: 'J1' })
    const rows = journal.readAfter('ledger', 0, 2, 1_000_000).rows
    expect(rows.map((r) => [r.seq, r.id])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
    expect(fork(facts('c', 'c')).ledger).toMatchObject({ rowId: 'c' })
    journal.close()
    const again = new SqliteJournal(file, 'J9')
    expect(again.journalId).toBe('J2')
    again.close()
  })

  it('among any commits, acknowledgements, prunings and reopenings keeps every row once, in order, from 1', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('commit' as const), stream: fc.constantFrom(...STREAMS) }),
      fc.record({
        do: fc.constant('acknowledge' as const),
        stream: fc.constantFrom(...STREAMS),
        upTo: fc.nat(30),
      }),
      fc.record({ do: fc.constant('prune' as const), stream: fc.constantFrom(...STREAMS), upTo: fc.nat(30) }),
      fc.record({ do: fc.constant('fork' as const), at: fc.nat(1_000), telemetryAt: fc.nat(1_000) }),
      fc.record({ do: fc.constant('reopen' as const) }),
    )
    let n = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const path = join(folder, `p${n++}.db`)
        let journal = new SqliteJournal(path, 'J0')
        const model = {
          id: 'J0',
          rows: { ledger: [] as string[], telemetry: [] as string[] },
          acked: { ledger: 0, telemetry: 0 },
          pruned: { ledger: 0, telemetry: 0 },
        }
        let made = 0
        for (const it of steps) {
          if (it.do === 'commit') {
            const id = `r${made++}`
            journal.commitGroup([{ facts: [{ stream: it.stream, id, text: id }], puts: [], deletes: [] }])
            model.rows[it.stream].push(id)
          } else if (it.do === 'acknowledge') {
            const upTo = Math.min(it.upTo, model.rows[it.stream].length)
            journal.acknowledge({ [it.stream]: upTo })
            model.acked[it.stream] = Math.max(model.acked[it.stream], upTo)
          } else if (it.do === 'prune') {
            while (journal.prune(it.stream, it.upTo) > 0);
            const upTo = Math.min(it.upTo, model.acked[it.stream])
            model.pruned[it.stream] = Math.max(model.pruned[it.stream], upTo)
          } else if (it.do === 'fork') {
            const shared = (stream: Stream, at: number) => {
              const low = model.pruned[stream]
              return low + (at % (model.rows[stream].length - low + 1))
            }
            const at = { ledger: shared('ledger', it.at), telemetry: shared('telemetry', it.telemetryAt) }
            model.id = `J${made++}`
            journal.fork({ journalId: model.id, shared: at, change: { facts: [], puts: [], deletes: [] } })
            for (const stream of STREAMS) model.rows[stream] = model.rows[stream].slice(at[stream])
            model.acked = { ledger: 0, telemetry: 0 }
            model.pruned = { ledger: 0, telemetry: 0 }
          } else {
            journal.close()
            journal = new SqliteJournal(path, 'J9')
          }
          expect(journal.load()).toMatchObject({ journalId: model.id, acked: model.acked })
          for (const stream of STREAMS) {
            const { rows, pruned } = model
            const read = journal.readAfter(stream, pruned[stream], 100, 1_000_000)
            expect(read.pruned).toBeUndefined()
            expect(read.rows.map((r) => r.id)).toEqual(rows[stream].slice(pruned[stream]))
            expect(read.rows.map((r) => r.seq)).toEqual(read.rows.map((_, i) => pruned[stream] + i + 1))
            expect(read.prevId).toBe(pruned[stream] === 0 ? '' : rows[stream][pruned[stream] - 1])
            expect(journal.heads[stream]).toEqual({
              seq: rows[stream].length,
              rowId: rows[stream].at(-1) ?? '',
            })
          }
        }
        journal.close()
      }),
      { numRuns: 40 },
    )
  })
})
