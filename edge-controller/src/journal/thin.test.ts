import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accept } from '@switchyard/protocol/site/accept.ts'
import type { Batch } from '@switchyard/protocol/site/envelope.ts'
import { readFact } from '@switchyard/protocol/site/fact.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SqliteJournal } from './sqlite.ts'
import { THIN_KEEP_ONE_OF, THIN_MAX_ROWS } from './thin.ts'

const stamp = { at: '2026-11-26T12:00:00.000Z', monoMs: 1, bootId: 'B', clock: 'synced' as const }
let folder: string
let journal: SqliteJournal
let runs = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-thin-'))
  journal = new SqliteJournal(join(folder, 'journal.db'), 'J')
})
afterEach(() => {
  journal.close()
  rmSync(folder, { recursive: true, force: true })
})

function write(into: SqliteJournal, from: number, to: number): void {
  const facts = []
  for (let seq = from; seq <= to; seq++)
    facts.push({ stream: 'telemetry' as const, id: `r${seq}`, text: `"reading ${seq}"` })
  into.commitGroup([{ facts, puts: [], deletes: [] }])
}
const rowsOf = (of: SqliteJournal, after = 0) => of.readAfter('telemetry', after, 1e6, 1e9).rows

it('of ten rows keeps one, tells of the others in a gap that keeps the id of its last, and leaves the newest', () => {
  write(journal, 1, 41)
  expect(journal.thin({ after: 10, stamp })).toEqual({ removed: 24 })
  const rows = rowsOf(journal)
  expect(rows.map((row) => row.seq)).toEqual([
    ...Array.from({ length: 10 }, (_, i) => i + 1),
    19,
    20,
    29,
    30,
    39,
    40,
    41,
  ])
  const gap = rows[10]!
  expect(gap).toMatchObject({ id: 'r19', covers: 9 })
  expect(readFact(gap.fact)).toMatchObject({
    ok: true,
    fact: { kind: 'stream.gap', data: { from: 11, to: 19 } },
  })
  expect(rows[11]).toEqual({ seq: 20, id: 'r20', fact: '"reading 20"' })
})

it('thins what was thinned further, and from within a gap tells only what is left to tell', () => {
  write(journal, 1, 1_001)
  journal.thin({ after: 0, stamp })
  journal.thin({ after: 0, stamp })
  const rows = rowsOf(journal)
  expect(rows[0]).toMatchObject({ id: 'r49', seq: 49, covers: 49 })
  expect(rows.length).toBeLessThan(1_001 / 20)
  const { prevId, rows: rest } = journal.readAfter('telemetry', 20, 1, 1)
  expect(prevId).toBeUndefined()
  expect(rest[0]).toMatchObject({ id: 'r49', covers: 29 })
})

it('looks at a bounded number of rows and says where to go on', () => {
  write(journal, 1, THIN_MAX_ROWS + 100)
  const first = journal.thin({ after: 0, stamp })
  expect(first.next).toBe(THIN_MAX_ROWS)
  expect(journal.thin({ after: first.next!, stamp }).next).toBeUndefined()
})

it('whatever is thinned, sent and lost on the way, the cloud takes every batch and covers every seq once', () => {
  const step = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ thin: fc.nat(100) }),
    /** A batch that arrives, and whether its acknowledgement does. */
    fc.record({ send: fc.integer({ min: 1, max: 40 }), heard: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const site = new SqliteJournal(join(folder, `p${runs++}.db`), 'J')
      const cloud = { last: 0, lastId: '', ids: new Map<number, string>(), covered: 0 }
      let cursor = { seq: 0, rowId: '' }
      let head = 0
      const send = (maxRows: number): void => {
        const { prevId, rows } = site.readAfter('telemetry', cursor.seq, maxRows, 1e9)
        if (rows.length === 0) return
        expect(prevId === undefined || prevId === cursor.rowId).toBe(true)
        const batch: Batch = {
          v: 1,
          journalId: 'J',
          stream: 'telemetry',
          epoch: 1,
          from: cursor.seq + 1,
          to: rows.at(-1)!.seq,
          prevId: cursor.rowId,
          rows: rows.map(({ seq: _, ...row }) => row),
        }
        const { last, lastId } = cloud
        const verdict = accept({ last, lastId, epoch: 1 }, batch, (seq) => cloud.ids.get(seq))
        expect(verdict).toMatchObject({ accepted: true })
        if (!verdict.accepted) return
        for (const row of verdict.rows) {
          cloud.ids.set(row.seq, row.id)
          cloud.covered += row.covers ?? 1
        }
        Object.assign(cloud, verdict.next)
      }
      for (const s of steps) {
        if ('write' in s) {
          write(site, head + 1, head + s.write)
          head += s.write
        } else if ('thin' in s) site.thin({ after: Math.floor((head * s.thin) / 100), stamp })
        else {
          send(s.send)
          if (s.heard) cursor = { seq: cloud.last, rowId: cloud.lastId }
        }
      }
      // A welcome says what is expected, then everything drains.
      cursor = { seq: cloud.last, rowId: cloud.lastId }
      send(1e6)
      expect(cloud.last).toBe(head)
      expect(cloud.covered).toBe(head)
      site.close()
    }),
    { numRuns: 60 },
  )
})

it(`leaves a stream alone that has no ${THIN_KEEP_ONE_OF} rows beside its newest`, () => {
  write(journal, 1, THIN_KEEP_ONE_OF)
  expect(journal.thin({ after: 0, stamp })).toEqual({ removed: 0 })
})
