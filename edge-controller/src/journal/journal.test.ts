import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_WAITING_CHANGES } from './grouped-journal.ts'
import {
  type Change,
  ChangeRefused,
  type Journal,
  JournalFailed,
  JournalFull,
  MAX_FACT_BYTES,
} from './port.ts'
import { SqliteJournal } from './sqlite.ts'
import { openDatabase } from './sqlite-driver.ts'
import { InlineJournal } from './testing/inline-journal.ts'
import { WorkerJournal } from './worker-journal.ts'

let folder: string
let file: string
const open: Journal[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-journal-'))
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
function opened(how: keyof typeof openers): Journal {
  const journal = openers[how]()
  open.push(journal)
  return journal
}

function row(stream: Stream, id: string, text = `{"of":"${id}"}`): Change {
  return { facts: [{ stream, id, text }], puts: [], deletes: [] }
}

describe.each(['inline', 'worker'] as const)('the %s journal', (how) => {
  it('keeps rows, entities and its id over a reopening', async () => {
    const first = opened(how)
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

    const second = opened(how)
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
    const journal = opened(how)
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
    const journal = opened(how)
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

    const again = opened(how)
    expect(await again.load()).toMatchObject({
      heads: { ledger: { seq: 4, rowId: 'd' } },
      acked: { ledger: 4, telemetry: 0 },
    })
    expect((await again.commit(row('ledger', 'e'))).ledger).toEqual({ seq: 5, rowId: 'e' })
  })

  it('keeps again what a restored cloud lacks, although it had been acknowledged', async () => {
    const journal = opened(how)
    await journal.load()
    for (const id of ['a', 'b', 'c', 'd']) await journal.commit(row('ledger', id))
    await journal.acknowledge('ledger', 4)
    await journal.withdraw('ledger', 2)
    await journal.withdraw('ledger', 3)
    expect(await journal.prune('ledger', 4)).toBe(2)
    await journal.close()
    const again = opened(how)
    expect((await again.load()).acked.ledger).toBe(2)
    expect(await again.prune('ledger', 4)).toBe(0)
    await again.acknowledge('ledger', 4)
    expect(await again.prune('ledger', 4)).toBe(2)
  })

  it('refuses a fact over its bound and goes on', async () => {
    const journal = opened(how)
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
    expect((await opened(how).load()).entities).toEqual([])
  })
})

describe('the file', () => {
  it('is opened with an fsync at every commit, also when it exists already', () => {
    new SqliteJournal(file, 'J1').close()
    const again = new SqliteJournal(file, 'other')
    expect(again.synchronous).toBe(2)
    expect(again.journalId).toBe('J1')
    again.close()
  })

  it('is refused when another process or another program owns it', () => {
    const holder = new SqliteJournal(file, 'J1')
    const foreign = join(folder, 'foreign.db')
    const db = openDatabase(foreign, { timeout: 0 })
    db.exec('CREATE TABLE t (x)')
    db.close()
    expect(() => new SqliteJournal(foreign, 'J1')).toThrow(/not a journal/)
    holder.close()

    const newer = openDatabase(file, { timeout: 0 })
    newer.pragma('user_version = 99')
    newer.close()
    expect(() => new SqliteJournal(file, 'J1')).toThrow(/newer version/)
  })

  it('tells a full disk from a fault, with nothing changed', () => {
    const journal = new SqliteJournal(file, 'J1')
    journal.commitGroup([row('ledger', 'a') as never])
    journal.close()
    const limited = new SqliteJournal(file, 'J1', { maxBytes: 20 * 4096 })
    const big = { facts: [], puts: [{ kind: 'k', id: 'big', json: 'x'.repeat(500_000) }], deletes: [] }
    const small = { facts: [{ stream: 'ledger' as const, id: 'b', text: '1' }], puts: [], deletes: [] }
    const [first, second] = limited.commitGroup([big, small])
    expect(first).toMatchObject({ ok: false })
    expect((first as { error: Error }).error).toBeInstanceOf(JournalFull)
    expect(second).toMatchObject({ ok: true, heads: { ledger: { seq: 2, rowId: 'b' } } })
    limited.close()
  })
})

it('gives every stream contiguous seqs whatever is committed, refused, acknowledged and pruned', () => {
  const step = fc.oneof(
    fc.record({
      changes: fc.array(
        fc.record({
          streams: fc.array(fc.constantFrom<Stream>('ledger', 'telemetry'), { maxLength: 4 }),
          bad: fc.boolean(),
        }),
        { maxLength: 5 },
      ),
    }),
    fc.record({ acknowledge: fc.nat(40) }),
    fc.record({ prune: fc.nat(40) }),
    fc.constant({ reopen: true }),
  )
  let runs = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const path = join(folder, `p${runs++}.db`)
      let journal = new SqliteJournal(path, 'J')
      const written: Record<Stream, string[]> = { ledger: [], telemetry: [] }
      let n = 0
      for (const s of steps) {
        if ('reopen' in s) {
          journal.close()
          journal = new SqliteJournal(path, 'J')
        } else if ('acknowledge' in s) {
          journal.acknowledge({ ledger: Math.min(s.acknowledge, written.ledger.length) })
        } else if ('prune' in s) {
          journal.prune('ledger', s.prune)
        } else {
          const changes = s.changes.map(({ streams, bad }) => ({
            facts: streams.map((stream, i) => {
              const isBad = bad && i === streams.length - 1
              return { stream, id: `r${n++}`, text: isBad ? (undefined as unknown as string) : '1' }
            }),
            puts: [],
            deletes: [],
          }))
          const results = journal.commitGroup(changes)
          for (const [i, { facts }] of changes.entries())
            if (results[i]!.ok) for (const f of facts) written[f.stream].push(f.id)
        }
      }
      for (const stream of ['ledger', 'telemetry'] as const) {
        const start = journal.readAfter(stream, 0, 1, 1).pruned?.seq ?? 0
        const { rows } = journal.readAfter(stream, start, 1000, 1e9)
        expect(rows.map((r) => r.seq)).toEqual(rows.map((_, i) => start + 1 + i))
        expect(rows.map((r) => r.id)).toEqual(written[stream].slice(start))
        expect(journal.load().heads[stream]).toEqual({
          seq: written[stream].length,
          rowId: written[stream].at(-1) ?? '',
        })
      }
      journal.close()
    }),
    { numRuns: 40 },
  )
})

it('holds callers back beyond its bound and still writes every change in order', async () => {
  const journal = opened('worker')
  await journal.load()
  const total = MAX_WAITING_CHANGES + 2_500
  await Promise.all(Array.from({ length: total }, (_, i) => journal.commit(row('ledger', `r${i}`, '1'))))
  const { rows } = await journal.readAfter('ledger', total - 3, 10, 1e6)
  expect(rows.map((r) => r.id)).toEqual([`r${total - 3}`, `r${total - 2}`, `r${total - 1}`])
})

it('a journal whose file cannot be opened says which file and why', async () => {
  file = join(folder, 'absent', 'journal.db')
  const journal = opened('worker')
  await expect(journal.load()).rejects.toThrow(JournalFailed)
  await expect(journal.load()).rejects.toThrow(/absent/)
})

it('loses no acknowledged commit when the process is killed in the middle', async () => {
  const fixture = fileURLToPath(new URL('./testing/crash-writer.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged: string[] = []
  const exited = new Promise((resolve) => child.once('exit', resolve))
  for await (const line of createInterface({ input: child.stdout! })) {
    acknowledged.push(line)
    if (acknowledged.length === 300) child.kill('SIGKILL')
  }
  await exited
  expect(acknowledged.length).toBeGreaterThanOrEqual(300)

  const journal = new SqliteJournal(file, 'other')
  const stored = new Set<string>()
  for (const stream of ['ledger', 'telemetry'] as const) {
    const { rows } = journal.readAfter(stream, 0, 1e6, 1e9)
    expect(rows.map((r) => r.seq)).toEqual(rows.map((_, i) => i + 1))
    for (const r of rows) stored.add(r.id)
  }
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
  journal.close()
})
