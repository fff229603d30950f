/**
 * A program for benchmarks: writes a journal file of a site whose stations document tells a password for every station, each hashed with
 * a salt of its own. Identities come on standard input, one a line.
 *
 *     node dist/write-stations.js FILE PASSWORD < identities
 */
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { Json } from '@switchyard/protocol/json.ts'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { type AppliedDocument, DOCUMENT_KIND } from '../documents.ts'
import { randomId } from '../ids.ts'
import { WorkerJournal } from '../journal/worker-journal.ts'
import { systemRandom as random } from '../random.ts'
import { hashPassword } from '../station/password.ts'

const SALT_BYTES = 16

const [file, password] = process.argv.slice(2)
if (file === undefined || password === undefined) {
  console.error('write-stations: the journal file and the password are needed')
  process.exit(2)
}
const stations: DocumentBody<'stations'>['stations'] = []
for await (const stationId of createInterface({ input: process.stdin }))
  stations.push({
    stationId,
    approved: true,
    passwordHash: await hashPassword(password, randomBytes(SALT_BYTES)),
  })
const journal = new WorkerJournal({
  file,
  newJournalId: randomId(random),
  onFailure(error) {
    console.error(`write-stations: ${error.message}`)
    process.exit(1)
  },
})
await journal.load()
const value: AppliedDocument = {
  version: { generation: 'bench', n: 1 },
  body: { stations } as unknown as Json,
}
await journal.commit({
  facts: [],
  puts: [{ kind: DOCUMENT_KIND, id: 'stations', value: value as unknown as Json }],
  deletes: [],
})
await journal.close()
