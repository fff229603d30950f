import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Log } from '../ports.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Backups } from './backup.ts'
import { SqliteJournal } from './sqlite.ts'
import { WorkerJournal } from './worker-journal.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock = new VirtualClock('2026-11-26T12:00:00.000Z')
let folder: string
let journal: WorkerJournal
let backups: Backups

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-backup-'))
  journal = new WorkerJournal({ file: join(folder, 'journal.db'), newJournalId: 'J', onFailure: () => {} })
  await journal.load()
  const to = join(folder, 'backups')
  backups = new Backups({ upkeep: journal.upkeep, clock, log, folder: to, intervalMs: 3_600_000, keep: 3 })
  backups.start()
})
afterEach(async () => {
  backups.stop()
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const write = (from: number, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      journal.commit({
        facts: [{ stream: 'ledger', id: `r${from + i}`, text: JSON.stringify('x'.repeat(500)) }],
        puts: [{ kind: 'counter', id: 'n', value: from + i }],
        deletes: [],
      }),
    ),
  )

it('is a whole journal as of one moment, made while facts are written', async () => {
  await write(1, 3_000)
  const making = backups.now()
  for (let n = 0; n < 20; n++) await write(3_001 + n * 10, 10)
  const file = await making
  const restored = join(folder, 'restored.db')
  copyFileSync(file, restored)
  const copy = new SqliteJournal(restored, 'other')
  copy.check(true)
  const { journalId, heads, entities } = copy.load()
  expect(journalId).toBe('J')
  expect(heads.ledger.seq).toBeGreaterThanOrEqual(3_000)
  // State and facts are of the same moment.
  expect(entities).toEqual([{ kind: 'counter', id: 'n', json: String(heads.ledger.seq) }])
  const { rows } = copy.readAfter('ledger', 0, 10_000, 1e9)
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, i) => i + 1))
  copy.close()
})

it('keeps the newest few, and makes them by itself', async () => {
  for (let n = 0; n < 4; n++) {
    await backups.now()
    clock.advance(60_000)
  }
  const names = () => readdirSync(join(folder, 'backups')).sort()
  expect(names()).toHaveLength(3)
  const before = names()
  clock.advance(3_600_000)
  await backups.now()
  expect(names()).toHaveLength(3)
  expect(names().at(-1)! > before.at(-1)!).toBe(true)
})
