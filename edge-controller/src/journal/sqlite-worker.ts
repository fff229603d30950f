/** Entry of the worker thread that owns the journal's file, so that a slow fsync never stalls sockets or the control loop. */
import { parentPort, workerData } from 'node:worker_threads'
import type { JournalFile, Request } from './journal-messages.ts'
import { JournalServer } from './journal-server.ts'

const port = parentPort!
const server = new JournalServer(workerData as JournalFile)

port.on('message', (request: Request) => {
  port.postMessage(server.respond(request))
  if (request.op === 'close') port.close()
})
