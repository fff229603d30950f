/** Child process of the crash test: commits without end and tells each acknowledged row on stdout, until it is killed. */
import { writeSync } from 'node:fs'
import { WorkerJournal } from '../worker-journal.ts'

const journal = new WorkerJournal({
  file: process.argv[2]!,
  newJournalId: 'crash-test',
  onFailure: (error) => {
    throw error
  },
})
await journal.load()
const perRound = 20
for (let round = 0; ; round++) {
  await Promise.all(
    Array.from({ length: perRound }, async (_, i) => {
      const id = `row-${round}-${i}`
      await journal.commit({
        facts: [{ stream: i % 3 === 0 ? 'telemetry' : 'ledger', id, text: `{"round":${round}}` }],
        puts: [{ kind: 'round', id: String(i), value: { round } }],
        deletes: [],
      })
      writeSync(1, `${id}\n`)
    }),
  )
}
