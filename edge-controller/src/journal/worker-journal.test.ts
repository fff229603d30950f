import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { WorkerJournal } from './worker-journal.ts'

/** Which of the two is seen first is the machine's to say: one of so many meets it. */
const JOURNALS = 12
/** Long enough for the threads to answer and to be gone. */
const BUSY_MS = 500

it('closes in order where its thread has ended before anybody has gone on with its last answer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-worker-'))
  const failures: Error[] = []
  const journals = Array.from(
    { length: JOURNALS },
    (_, i) =>
      new WorkerJournal({
        file: join(folder, `${i}.db`),
        newJournalId: `J${i}`,
        onFailure: (error) => failures.push(error),
      }),
  )
  await Promise.all(journals.map((it) => it.load()))
  const closed = journals.map((it) => it.close())
  await new Promise((resolve) => setImmediate(resolve))
  // A program that is held up: answers and ends lie there when it looks.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS)
  await Promise.all(closed)
  expect(failures).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})
