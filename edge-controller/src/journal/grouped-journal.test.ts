import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GroupedJournal, MAX_GATHER_MS, SLOW_WRITE_MS } from './grouped-journal.ts'
import type { Request } from './journal-messages.ts'
import { JournalServer } from './journal-server.ts'
import type { Change } from './port.ts'

let folder: string
let nowMs: number
let due: { atMs: number; work: () => void }[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-groups-'))
  nowMs = 0
  due = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A real journal file whose every answer comes `writeMs` later, in virtual time; tells how many changes each group had. */
function journalOn(writeMs: number): { journal: GroupedJournal; groups: number[] } {
  const server = new JournalServer({ file: join(folder, 'journal.db'), newJournalId: 'J1' })
  const groups: number[] = []
  const after = (delayMs: number, work: () => void) => {
    const it = { atMs: nowMs + delayMs, work }
    due.push(it)
    return () => void due.splice(due.indexOf(it), 1)
  }
  const journal = new GroupedJournal({
    disk: (events) => ({
      send(request: Request) {
        const response = server.respond(request)
        if (request.op === 'group') groups.push(Object.keys(request.changes).length / FLAT_FIELDS)
        after(request.op === 'group' ? writeMs : 0, () => events.answered(response))
      },
      end: async () => {},
    }),
    soon: (work) => void after(0, work),
    after,
    mono: () => nowMs,
    onFailure: (error) => {
      throw error
    },
  })
  return { journal, groups }
}

/** Runs until nothing is due any more. */
async function run(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const next = due.sort((a, b) => a.atMs - b.atMs).shift()
    if (!next) return
    nowMs = Math.max(nowMs, next.atMs)
    next.work()
  }
}

/** One fact: three counts, and its stream, id and text (flat-changes.ts). */
const FLAT_FIELDS = 6
const row = (id: string): Change => ({ facts: [{ stream: 'ledger', id, text: '{}' }], puts: [], deletes: [] })

/** Four who speak again as soon as they are answered, one moment after the other. */
async function talk(journal: GroupedJournal, rounds: number): Promise<void> {
  const loaded = journal.load()
  await run()
  await loaded
  const speaker = async (name: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      await journal.commit(row(`${name}.${round}`))
      await new Promise<void>((resolve) => due.push({ atMs: nowMs + name * 0.5, work: resolve }))
    }
  }
  const all = Promise.all([0, 1, 2, 3].map(speaker))
  await run()
  await all
}

it('on a slow disk those who answer at once are in the next group, not in the one after it', async () => {
  const { journal, groups } = journalOn(20)
  await talk(journal, 3)
  expect(groups).toEqual([4, 4, 4])
  expect(nowMs).toBeLessThanOrEqual(3 * (20 + MAX_GATHER_MS))
})

it('on a quick disk nobody waits for others', async () => {
  const { journal, groups } = journalOn(SLOW_WRITE_MS / 4)
  await talk(journal, 3)
  expect(groups.length).toBeGreaterThan(3)
  expect(groups.reduce((sum, it) => sum + it, 0)).toBe(12)
})
