/** Entry of the worker thread that owns the journal's file, so that a slow fsync never stalls sockets or the control loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { readFlat } from './flat-changes.ts'
import { SqliteJournal } from './sqlite.ts'
import type { GroupResult, Request, Response, WorkerInput } from './worker-messages.ts'

const port = parentPort!
const { file, newJournalId } = workerData as WorkerInput
let journal: SqliteJournal | undefined

function perform(request: Request): unknown {
  if (request.op === 'open') {
    journal = new SqliteJournal(file, newJournalId)
    return journal.load()
  }
  if (request.op === 'close') {
    journal?.close()
    journal = undefined
    return undefined
  }
  if (!journal) throw new Error('the journal is not open')
  switch (request.op) {
    case 'group': {
      const results = journal.commitGroup(readFlat(request.changes), request.acknowledged)
      const refused: GroupResult['refused'] = {}
      for (const [i, result] of results.entries()) {
        if (!result.ok) refused[i] = { name: result.error.name, message: result.error.message }
      }
      return { heads: journal.heads, refused } satisfies GroupResult
    }
    case 'readAfter':
      return journal.readAfter(request.stream, request.seq, request.maxRows, request.maxBytes)
    case 'prune':
      return journal.prune(request.stream, request.upTo)
  }
}

port.on('message', (request: Request) => {
  let response: Response
  try {
    response = { n: request.n, ok: true, value: perform(request) }
  } catch (error) {
    const { name, message } = error as Error
    response = { n: request.n, ok: false, name, message }
  }
  port.postMessage(response)
  if (request.op === 'close') port.close()
})
