/**
 * A program for benchmarks: writes facts into a journal file as a box would have, by the journal's own classes. Facts come on
 * standard input, one text a line; where the journal ends goes to standard output as JSON.
 *
 *     node dist/write-journal.js FILE < facts
 */
import { createInterface } from 'node:readline'
import { type FactKind, streamOf } from '@switchyard/protocol/site/fact.ts'
import { randomId } from '../ids.ts'
import type { FactRow, Heads, JournalFailed } from '../journal/port.ts'
import { WorkerJournal } from '../journal/worker-journal.ts'
import { systemRandom as random } from '../random.ts'

const FACTS_IN_A_COMMIT = 2_000

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('write-journal: the journal file is missing')
  process.exit(2)
}
const journal = new WorkerJournal({
  file,
  newJournalId: randomId(random),
  onFailure(error: JournalFailed) {
    console.error(`write-journal: ${error.message}`)
    process.exit(1)
  },
})
const { journalId, heads: atFirst } = await journal.load()
let heads: Heads = atFirst
let facts: FactRow[] = []
for await (const text of createInterface({ input: process.stdin })) {
  const { kind } = JSON.parse(text) as { kind: FactKind }
  facts.push({ stream: streamOf(kind), id: randomId(random), text })
  if (facts.length === FACTS_IN_A_COMMIT) await commit()
}
await commit()
await journal.close()
process.stdout.write(`${JSON.stringify({ journalId, heads })}\n`)

async function commit(): Promise<void> {
  if (facts.length === 0) return
  heads = await journal.commit({ facts, puts: [], deletes: [] })
  facts = []
}
