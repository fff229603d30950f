import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { instant } from '@switchyard/protocol/instant.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { newestSyncedMs, pruneOld } from './retention.ts'
import { PRUNE_MAX_ROWS } from './sqlite.ts'
import { InlineJournal } from './testing/inline-journal.ts'

const DAY_MS = 86_400_000
let folder: string
let journal: InlineJournal

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-retention-'))
  journal = new InlineJournal(join(folder, 'journal.db'), 'J1')
})
afterEach(async () => {
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

function fact(atMs: number, clock: string): string {
  return JSON.stringify({ kind: 'x', at: instant(atMs), monoMs: 0, bootId: 'B', clock, data: {} })
}

/** `count` rows, one minute apart, from day 0 on. */
async function write(count: number): Promise<void> {
  await journal.commit({
    facts: Array.from({ length: count }, (_, i) => ({
      stream: 'ledger' as const,
      id: `r${i}`,
      text: fact(i * 60_000, 'synced'),
    })),
    puts: [],
    deletes: [],
  })
}

it('removes rows past the retention, only acknowledged ones, however many they are', async () => {
  await write(2 * PRUNE_MAX_ROWS + 100)
  const { heads } = await journal.load()
  const twoDays = 2 * DAY_MS
  expect(await pruneOld(journal, heads, twoDays)).toBe(0)
  await journal.acknowledge('ledger', 1_000)
  expect(await pruneOld(journal, heads, twoDays)).toBe(1_000)
  await journal.acknowledge('ledger', heads.ledger.seq)
  expect(await pruneOld(journal, heads, twoDays)).toBe(2 * 24 * 60 - 1_000)
  const first = await journal.readAfter('ledger', 2 * 24 * 60, 1, 1)
  expect(first.rows[0]?.id).toBe(`r${2 * 24 * 60}`)
  expect(await pruneOld(journal, heads, 1_000 * DAY_MS)).toBe(heads.ledger.seq - 2 * 24 * 60)
})

it('is not led astray by rows of a clock that was not set', async () => {
  const days = [0, 1, 2, 900, 900, 900, 3, 4, 5]
  await journal.commit({
    facts: days.map((day, i) => ({
      stream: 'ledger' as const,
      id: `r${i + 1}`,
      text: fact(day * DAY_MS, day === 900 ? 'unknown' : 'synced'),
    })),
    puts: [],
    deletes: [],
  })
  const { heads } = await journal.load()
  await journal.acknowledge('ledger', heads.ledger.seq)
  expect(await pruneOld(journal, heads, 4 * DAY_MS)).toBe(7)
})

it('finds the newest time that was written under a synced clock', async () => {
  expect(await newestSyncedMs(journal, (await journal.load()).heads)).toBeUndefined()
  const texts = [fact(5_000, 'synced'), fact(9_000, 'synced'), fact(77_000, 'unknown'), 'unreadable']
  await journal.commit({
    facts: texts.map((text, i) => ({ stream: 'ledger' as const, id: `r${i}`, text })),
    puts: [],
    deletes: [],
  })
  expect(await newestSyncedMs(journal, (await journal.load()).heads)).toBe(9_000)
})
