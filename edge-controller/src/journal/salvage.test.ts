import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFact, type Stream } from '@switchyard/protocol/site/fact.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_DAMAGED_FILES, openJournal } from './open-journal.ts'
import type { Salvaged } from './salvage.ts'
import { SqliteJournal } from './sqlite.ts'
import { openDatabase } from './sqlite-driver.ts'
import { volumeOf } from './volume.ts'
import { WorkerJournal } from './worker-journal.ts'

const PAGE = 4096
const STREAMS = ['ledger', 'telemetry'] as const
const ROWS = 600
let folder: string
let file: string
let whole: string

/** One journal of many pages, made once: rows, entities, some acknowledged and some pruned. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-salvage-'))
  file = join(folder, 'journal.db')
  whole = join(folder, 'whole.db')
  const journal = new SqliteJournal(whole, 'J')
  for (let from = 1; from <= ROWS; from += 100)
    journal.commitGroup([
      {
        facts: STREAMS.flatMap((stream) => Array.from({ length: 100 }, (_, i) => row(stream, from + i))),
        puts: Array.from({ length: 50 }, (_, i) => ({
          kind: 'k',
          id: `e${from + i}`,
          json: `{"n":${from + i}}`,
        })),
        deletes: [],
      },
    ])
  journal.acknowledge({ ledger: 200, telemetry: 300 })
  journal.prune('ledger', 50)
  journal.close()
  copyFileSync(whole, file)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function row(stream: Stream, seq: number): { stream: Stream; id: string; text: string } {
  const head = { at: '2026-11-26T12:00:00.000Z', monoMs: seq, bootId: 'B', clock: 'synced' }
  const isStart = stream === 'ledger' && seq % 100 === 1
  const data = isStart
    ? { version: '1', journalId: 'J', node: '20' }
    : { pad: 'x'.repeat(100 + ((seq * 37) % 300)) }
  const text = JSON.stringify({ kind: isStart ? 'controller.started' : 'test.kind', ...head, data })
  return { stream, id: `${stream}-${seq}`, text }
}
const reopened = () => openJournal(file, 'NEW', {}, volumeOf(file).files)
const reportOf = (journal: SqliteJournal): Salvaged | undefined => {
  const entity = journal.load().entities.find((e) => e.kind === 'journal' && e.id === 'salvaged')
  return entity && (JSON.parse(entity.json) as Salvaged)
}
const damage = (change: (bytes: Buffer) => Buffer): void => writeFileSync(file, change(readFileSync(whole)))
/** Pages in which a text stands. */
function pagesWith(text: string): number[] {
  const bytes = readFileSync(whole)
  const pages: number[] = []
  for (let page = 0; page * PAGE < bytes.length; page++)
    if (bytes.subarray(page * PAGE, (page + 1) * PAGE).includes(text)) pages.push(page)
  return pages
}

/** Everything that a stream holds, each seq once: as it was written, or as lost. */
function checkStream(journal: SqliteJournal, stream: Stream): { lost: number; head: number } {
  const start = journal.readAfter(stream, 0, 1, 1).pruned?.seq ?? 0
  const { rows } = journal.readAfter(stream, start, 1e6, 1e9)
  let seq = start
  let lost = 0
  const ids = new Set<string>()
  for (const it of rows) {
    expect(it.seq).toBe(seq + (it.covers ?? 1))
    expect(ids.has(it.id)).toBe(false)
    ids.add(it.id)
    const read = readFact(it.fact)
    if (read.ok && read.fact.kind === 'stream.loss') {
      lost += it.covers!
      expect(read.fact.data).toMatchObject({ from: seq + 1, to: it.seq })
    } else if (it.id !== row(stream, it.seq).id || it.fact !== row(stream, it.seq).text)
      throw new Error(`row ${it.seq} of ${stream} is ${it.id}: ${it.fact.slice(0, 80)}`)
    seq = it.seq
  }
  expect(journal.load().heads[stream].seq).toBe(seq)
  expect(journal.load().acked[stream]).toBeLessThanOrEqual(seq)
  return { lost, head: seq }
}

it('opens a file that is whole as it is', () => {
  const journal = reopened()
  expect(reportOf(journal)).toBeUndefined()
  for (const stream of STREAMS) expect(checkStream(journal, stream)).toEqual({ lost: 0, head: ROWS })
  journal.close()
  expect(existsSync(`${file}.damaged-1`)).toBe(false)
})

describe('a damaged page', () => {
  it('costs the rows on it, each told in its place; everything else goes on under the same id', () => {
    const [page] = pagesWith('"ledger-300"').length > 0 ? pagesWith('"ledger-300"') : pagesWith('ledger-300{')
    damage((bytes) => bytes.fill(0, page! * PAGE, (page! + 1) * PAGE))
    const journal = reopened()
    expect(journal.journalId).toBe('J')
    const { lost, head } = checkStream(journal, 'ledger')
    expect(head).toBe(ROWS)
    expect(lost).toBeGreaterThan(0)
    expect(lost).toBeLessThan(40)
    expect(checkStream(journal, 'telemetry')).toEqual({ lost: 0, head: ROWS })
    const report = reportOf(journal)!
    expect(report).toMatchObject({ entitiesLost: false, newestUnknown: false, newJournal: false })
    expect(report.lost).toMatchObject([{ stream: 'ledger' }])
    // Its true id is not known: nobody is accused of another history because of it.
    expect(journal.readAfter('ledger', report.lost[0]!.to, 1, 1e6).prevId).toBeUndefined()
    expect(journal.load()).toMatchObject({ acked: { ledger: 200, telemetry: 300 } })
    journal.close()
    expect(existsSync(`${file}.damaged-1`)).toBe(true)
    const again = reopened()
    expect(again.heads.ledger.seq).toBe(ROWS)
    again.close()
    expect(existsSync(`${file}.damaged-2`)).toBe(false)
  })

  it('that leads to the rows: the newest are read from their end, and what lies before is told as lost', () => {
    const database = openDatabase(whole, { timeout: 1_000 })
    const { rootpage } = database
      .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'row_telemetry'")
      .get() as { rootpage: number }
    database.close()
    damage((bytes) => {
      // A page of a table's tree (SQLite's file format, 1.6): 12 bytes, then where its cells are; the way to the newest is not among them.
      const at = (rootpage - 1) * PAGE
      const cells = bytes.readUInt16BE(at + 3)
      expect(cells).toBeGreaterThan(2)
      return bytes.fill(0xff, at + 12, at + 12 + 2 * cells)
    })
    const journal = reopened()
    const { lost, head } = checkStream(journal, 'telemetry')
    expect(head).toBe(ROWS)
    expect(lost).toBeLessThan(ROWS)
    expect(checkStream(journal, 'ledger')).toEqual({ lost: 0, head: ROWS })
    expect(reportOf(journal)).toMatchObject({ newestUnknown: false, newJournal: false })
    journal.close()
  })

  it('with the beginning of the file costs no row', () => {
    damage((bytes) => bytes.fill(0xff, 0, PAGE))
    const journal = reopened()
    expect(journal.journalId).toBe('J')
    for (const stream of STREAMS) expect(checkStream(journal, stream)).toEqual({ lost: 0, head: ROWS })
    journal.close()
  })

  it("with the journal's own notes: its id is found in its facts, and nothing counts as acknowledged", () => {
    const pages = pagesWith('journalIdJ')
    damage((bytes) => {
      for (const page of pages) bytes.fill(0, page * PAGE, (page + 1) * PAGE)
      return bytes
    })
    const journal = reopened()
    expect(journal.journalId).toBe('J')
    expect(journal.load().acked).toEqual({ ledger: 0, telemetry: 0 })
    expect(checkStream(journal, 'ledger')).toEqual({ lost: 0, head: ROWS })
    expect(journal.readAfter('ledger', 0, 1, 1).pruned).toMatchObject({ seq: 50, rowId: expect.any(String) })
    journal.close()
  })

  it("with the journal's own notes, and nothing in its facts: who it is and where it begins stand a second time", () => {
    const forked = new SqliteJournal(whole, 'J')
    const facts = STREAMS.map((stream) => row(stream, ROWS + 2))
    forked.fork({
      journalId: 'F',
      shared: { ledger: ROWS, telemetry: ROWS },
      change: { facts, puts: [], deletes: [] },
    })
    forked.close()
    const database = openDatabase(whole, { timeout: 1_000 })
    const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'meta'").get() as {
      rootpage: number
    }
    database.close()
    damage((bytes) => bytes.fill(0, (rootpage - 1) * PAGE, rootpage * PAGE))
    const journal = reopened()
    expect(journal.journalId).toBe('F')
    expect(reportOf(journal)).toMatchObject({ newJournal: false, lost: [] })
    for (const stream of STREAMS) {
      expect(journal.heads[stream]).toEqual({ seq: 1, rowId: `${stream}-${ROWS + 2}` })
      expect(journal.readAfter(stream, 0, 10, 1e6).rows).toMatchObject([
        { seq: 1, id: `${stream}-${ROWS + 2}` },
      ])
    }
    journal.close()
  })

  it('is set aside, the newest few are kept', () => {
    for (let n = 0; n < MAX_DAMAGED_FILES + 2; n++) {
      damage((bytes) => bytes.fill(0, 3 * PAGE, 4 * PAGE))
      reopened().close()
    }
    const kept = Array.from({ length: MAX_DAMAGED_FILES + 2 }, (_, n) =>
      existsSync(`${file}.damaged-${n + 1}`),
    )
    expect(kept).toEqual([false, false, true, true, true])
  })
})

it('a file with nothing of a journal in it becomes a new journal, which says so', () => {
  writeFileSync(file, Buffer.alloc(20 * PAGE, 0x5a))
  const journal = reopened()
  expect(journal.journalId).toBe('NEW')
  expect(reportOf(journal)).toMatchObject({ newJournal: true, rows: { ledger: 0, telemetry: 0 } })
  journal.close()
})

it("another program's database is left alone", () => {
  rmSync(file)
  const db = openDatabase(file, { timeout: 0 })
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  db.close()
  expect(reopened).toThrow(/not a journal/)
  expect(existsSync(file)).toBe(true)
})

it('is interrupted at any place and does what is left the next time', () => {
  damage((bytes) => bytes.fill(0, 5 * PAGE, 6 * PAGE))
  // Before the damaged file was renamed: the draft counts for nothing.
  writeFileSync(`${file}-salvage`, 'half of it')
  reopened().close()
  const saved = readFileSync(file)
  // After it: the draft was complete.
  rmSync(file)
  writeFileSync(`${file}-salvage`, saved)
  const journal = reopened()
  expect(journal.journalId).toBe('J')
  journal.close()
})

it('damage that is met in use stops the journal, and is salvaged at the next start', async () => {
  const failures: Error[] = []
  const worker = () =>
    new WorkerJournal({ file, newJournalId: 'NEW', onFailure: (error) => failures.push(error) })
  const first = worker()
  await first.load()
  // Under the running journal: the page is not in its memory yet.
  const [page] = pagesWith('telemetry-450{')
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0, page! * PAGE, (page! + 1) * PAGE))
  await expect(first.readAfter('telemetry', 440, 20, 1e6)).rejects.toThrow(/malformed/)
  expect(failures).toHaveLength(1)
  await first.close()

  const second = worker()
  const { entities, heads } = await second.load()
  expect(heads.telemetry.seq).toBe(ROWS)
  expect(entities.find((e) => e.id === 'salvaged')?.value).toMatchObject({ lost: [{ stream: 'telemetry' }] })
  await second.close()
})

it('whatever pages are overwritten or cut off: it opens, goes on, and no row is twice or missing without a word', () => {
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const harm = fc.oneof(
    fc.record({ what: fc.constant('zero' as const), at }),
    fc.record({ what: fc.constant('noise' as const), at }),
    fc.record({ what: fc.constant('copy' as const), at, from: at }),
    fc.record({ what: fc.constant('cut' as const), at }),
    fc.record({ what: fc.constant('header' as const), at, byte: fc.integer({ min: 0, max: 255 }) }),
  )
  fc.assert(
    fc.property(fc.array(harm, { minLength: 1, maxLength: 4 }), (harms) => {
      damage((whole) => {
        let bytes = whole
        for (const it of harms) {
          const pages = Math.max(1, Math.floor(bytes.length / PAGE))
          const start = Math.floor(it.at * pages) * PAGE
          const end = Math.min(start + PAGE, bytes.length)
          if (it.what === 'zero') bytes.fill(0, start, end)
          if (it.what === 'noise') for (let i = start; i < end; i++) bytes[i] = (i * 7919 + (i >> 5)) & 0xff
          if (it.what === 'copy') {
            const from = Math.floor(it.from * pages) * PAGE
            bytes.copyWithin(start, from, Math.min(from + PAGE, bytes.length))
          }
          if (it.what === 'cut') bytes = bytes.subarray(0, Math.max(1, Math.floor(it.at * bytes.length)))
          if (it.what === 'header') bytes[Math.min(Math.floor(it.at * 100), bytes.length - 1)] = it.byte
        }
        return Buffer.from(bytes)
      })
      const journal = reopened()
      try {
        const report = reportOf(journal)
        if (journal.journalId === 'J')
          for (const stream of STREAMS) {
            const { head } = checkStream(journal, stream)
            if (!report?.newestUnknown) expect(head).toBe(ROWS)
          }
        else expect(report?.newJournal).toBe(true)
        const facts = [{ stream: 'ledger' as const, id: 'after', text: '{}' }]
        expect(journal.commitGroup([{ facts, puts: [], deletes: [] }])).toMatchObject([{ ok: true }])
      } finally {
        journal.close()
        for (const name of readdirSync(folder)) if (name !== 'whole.db') rmSync(join(folder, name))
      }
    }),
    // The examples: a page that is cut off in its middle reads as one whose rest is zeros, and so do the rows in it.
    { numRuns: 60, examples: [0.9994090246775794, 0.5003, 0.7501].map((at) => [[{ what: 'cut', at }]]) },
  )
})
