import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CHECKPOINT_PAGES } from './checkpoint.ts'
import { SqliteJournal } from './sqlite.ts'

const FRAME_BYTES = 4_096 + 24
let folder: string
let file: string
let journal: SqliteJournal

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-checkpoint-'))
  file = join(folder, 'journal.db')
  journal = new SqliteJournal(file, 'J')
})
afterEach(() => {
  journal.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Groups of 50 facts that fill about `pages` pages of the log. */
function write(pages: number): void {
  const text = JSON.stringify('x'.repeat(1_500))
  for (let written = 0; written < pages; written += 25) {
    const facts = Array.from({ length: 50 }, () => ({ stream: 'ledger' as const, id: 'r', text }))
    for (const result of journal.commitGroup([{ facts, puts: [], deletes: [] }])) expect(result.ok).toBe(true)
  }
}
/** Rows in the file alone, as if the log had never been. */
function inFile(): number {
  const copy = join(folder, 'copy.db')
  copyFileSync(file, copy)
  const read = new SqliteJournal(copy, 'J')
  const { seq } = read.heads.ledger
  read.close()
  return seq
}
const logPages = (): number => Math.ceil(statSync(`${file}-wal`).size / FRAME_BYTES)

it('a log that never has a quiet moment goes over with a commit, and stays within its bound', () => {
  write(3 * CHECKPOINT_PAGES)
  expect(logPages()).toBeLessThan(CHECKPOINT_PAGES + 200)
  expect(inFile()).toBeGreaterThan(0)
  expect(journal.synchronous).toBe(2)
})

it('the commit that takes it over is in the file when it is told', () => {
  const { size } = statSync(file)
  while (statSync(file).size === size) write(25)
  // The one that did it, and nothing since.
  expect(inFile()).toBe(journal.heads.ledger.seq)
})

it('a quiet moment is used, once there is enough to take over', () => {
  write(200)
  journal.whileIdle()
  expect(inFile()).toBe(0)
  write(1_000)
  journal.whileIdle()
  expect(inFile()).toBe(journal.heads.ledger.seq)
})
