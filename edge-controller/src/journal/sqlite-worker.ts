/** Entry of the worker thread that owns the journal's file, so that a slow fsync never stalls sockets or the control loop. */
import { parentPort, workerData } from 'node:worker_threads'
import type { JournalFile, Request } from './journal-messages.ts'
import { JournalServer } from './journal-server.ts'
import { volumeOf } from './volume.ts'

const port = parentPort!
const file = workerData as JournalFile
const server = new JournalServer(file, undefined, volumeOf(file.file))

/** Nothing asked for so long is a quiet moment. */
const IDLE_MS = 100
let idle: NodeJS.Timeout | undefined

port.on('message', (request: Request) => {
  if (request.op === 'backup') void server.backup(request).then((response) => port.postMessage(response))
  else port.postMessage(server.respond(request))
  if (request.op === 'close') {
    clearTimeout(idle)
    port.close()
  } else if (idle) idle.refresh()
  else idle = setTimeout(() => server.whileIdle(), IDLE_MS)
})
