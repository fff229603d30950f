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
import { type Journal, JournalFailed, JournalFull } from './port.ts'
import { SqliteJournal } from './sqlite.ts'
import { openDatabase } from './sqlite-driver.ts'
import { InlineJournal } from './testing/inline-journal.ts'
import { journalContract, row } from './testing/journal-contract.ts'
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

describe.each(['inline', 'worker'] as const)('the %s journal', (how) => journalContract(() => opened(how)))

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
