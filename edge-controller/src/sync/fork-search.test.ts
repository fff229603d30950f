import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { MAX_PROBES, spacedBelow, spacedWithin } from '@switchyard/protocol/site/fork.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { InlineJournal } from '../journal/testing/inline-journal.ts'
import { SiteState } from '../site-state.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type Finding, ForkSearch } from './fork-search.ts'

let folder: string
let files = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-fork-search-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One stream: rows that both sides have, then rows that each has alone; some of the cloud's stand for others, which it has not itself. */
interface History {
  shared: number
  own: number
  theirs: number
  /** Rows `from`..`to` of the cloud are told of by the last of them only. */
  stoodFor?: { from: number; to: number }
}
const history: fc.Arbitrary<History> = fc.record({ shared: fc.nat(180), own: fc.nat(60), theirs: fc.nat(60) })

/** A journal of a site, and the answers of a cloud that holds another history of it. */
async function parted(histories: Record<Stream, History>) {
  const journal = new InlineJournal(join(folder, `${files++}.db`), 'J1')
  const random = { bytes: (n: number) => new Uint8Array(n), fraction: () => 0.5 }
  const facts = STREAMS.flatMap((stream) => {
    const { shared, own } = histories[stream]
    return Array.from({ length: shared + own }, (_, i) => ({
      stream,
      id: i < shared ? `${stream}-${i + 1}` : `own-${stream}-${i + 1}`,
      text: '{}',
    }))
  })
  await journal.commit({ facts, puts: [], deletes: [] })
  const state = new SiteState(journal, await journal.load(), new VirtualClock('2026-11-26T12:00:00Z'), random)
  const idOf = (stream: Stream, seq: number) =>
    seq <= histories[stream].shared ? `${stream}-${seq}` : `theirs-${stream}-${seq}`
  const lastOf = (stream: Stream) => histories[stream].shared + histories[stream].theirs
  const isHeld = (stream: Stream, seq: number) => {
    const { stoodFor } = histories[stream]
    return seq >= 1 && seq <= lastOf(stream) && !(stoodFor && seq >= stoodFor.from && seq < stoodFor.to)
  }
  /** As the gateway answers a hello. */
  const welcome = (probe: Hello['probe']): Pick<Welcome, 'expected' | 'forked' | 'checkpoints'> => ({
    expected: {
      ledger: { seq: lastOf('ledger'), rowId: idOf('ledger', lastOf('ledger')) },
      telemetry: { seq: lastOf('telemetry'), rowId: idOf('telemetry', lastOf('telemetry')) },
    },
    forked: true,
    checkpoints: STREAMS.flatMap((stream) => {
      const asked = probe?.[stream]
      if (!asked && (probe?.ledger || probe?.telemetry)) return []
      const seqs = asked
        ? spacedWithin(asked)
        : spacedBelow(Math.min(state.heads[stream].seq, lastOf(stream)))
      return seqs
        .filter((seq) => isHeld(stream, seq))
        .map((seq) => ({ stream, seq, rowId: idOf(stream, seq) }))
    }),
  })
  return { journal, search: new ForkSearch({ journal, state, root: () => undefined }), welcome }
}

async function found(histories: Record<Stream, History>): Promise<Finding> {
  const { journal, search, welcome } = await parted(histories)
  try {
    for (let asked = 0; asked <= MAX_PROBES + 1; asked++) {
      const finding = await search.examine(welcome(search.probe) as Welcome)
      if (finding.kind !== 'ask-again') return finding
    }
    throw new Error('it asks for ever')
  } finally {
    await journal.close()
  }
}

it('finds where each stream parts, however differently they do', async () => {
  await fc.assert(
    fc.asyncProperty(history, history, async (ledger, telemetry) => {
      // Otherwise nothing has parted: the site is merely ahead.
      fc.pre(ledger.theirs > 0 || telemetry.theirs > 0)
      const finding = await found({ ledger, telemetry })
      expect(finding.kind).toBe('fork')
      const { shared } = finding as Extract<Finding, { kind: 'fork' }>
      expect(shared).toEqual({ ledger: ledger.shared, telemetry: telemetry.shared })
    }),
    { numRuns: 40 },
  )
})

it('where the cloud has no rows of its own, it goes on from the last row that is surely shared', async () => {
  const finding = await found({
    ledger: { shared: 40, own: 30, theirs: 25, stoodFor: { from: 31, to: 60 } },
    telemetry: { shared: 10, own: 0, theirs: 0 },
  })
  expect(finding).toMatchObject({ kind: 'fork', shared: { ledger: 30, telemetry: 10 } })
})

it('a restored cloud that lacks rows of the journal before is given them by another fork, from there on', async () => {
  const file = join(folder, `${files++}.db`)
  const journal = new InlineJournal(file, 'J1')
  const facts = [1, 2, 3, 4, 5].map((n) => ({ stream: 'ledger' as const, id: `l${n}`, text: '{}' }))
  await journal.commit({ facts, puts: [], deletes: [] })
  const nothing = { facts: [], puts: [], deletes: [] }
  await journal.fork({ journalId: 'J2', shared: { ledger: 4, telemetry: 0 }, change: nothing })
  const random = { bytes: (n: number) => new Uint8Array(n), fraction: () => 0.5 }
  const state = new SiteState(journal, await journal.load(), new VirtualClock('2026-11-26T12:00:00Z'), random)
  const root = { journalId: 'J1', ledger: 4, telemetry: 0 }
  const search = new ForkSearch({ journal, state, root: () => root })
  const none = { seq: 0, rowId: '' }
  const look = (ledger: Welcome['expected']['ledger']) =>
    search.examine({
      expected: { ledger: none, telemetry: none },
      root: { ledger, telemetry: none },
    } as Welcome)
  const fork = (ledger: number) => ({ kind: 'fork', shared: { ledger, telemetry: 0 }, reason: 'lost' })
  expect(await look({ seq: 4, rowId: 'l4' })).toEqual({ kind: 'agrees' })
  expect(await look({ seq: 4, rowId: 'of another' })).toEqual(fork(-4))
  expect(await look({ seq: 2, rowId: 'l2' })).toEqual(fork(-2))
  expect(await look({ seq: 2, rowId: '' })).toEqual(fork(-2))
  expect(await look(none)).toEqual(fork(-4))
  // What it holds there is of another box: all that is left is sent.
  expect(await look({ seq: 2, rowId: 'of another' })).toEqual(fork(-4))
  await journal.acknowledge('ledger', 1)
  await journal.prune('ledger', 1)
  // Nothing is left of them.
  expect(await look(none)).toEqual({ kind: 'agrees' })
  await journal.close()
})
