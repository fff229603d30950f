/** The journal of the box: its file belongs to a worker thread. */
import { Worker } from 'node:worker_threads'
import { GroupedJournal, type JournalDisk, type JournalDiskEvents } from './grouped-journal.ts'
import type { JournalFile, Request, Response } from './journal-messages.ts'
import { JournalFailed } from './port.ts'

export interface WorkerJournalOptions extends JournalFile {
  /** Called once, when the journal can never be written again: the process must stop. */
  onFailure(error: JournalFailed): void
}

export class WorkerJournal extends GroupedJournal {
  constructor({ onFailure, ...file }: WorkerJournalOptions) {
    super({
      disk: (events) => threadOf(file, events),
      soon: (work) => void setImmediate(work),
      after(delayMs, work) {
        const timer = setTimeout(work, delayMs)
        return () => clearTimeout(timer)
      },
      onFailure,
    })
  }
}

function threadOf(file: JournalFile, events: JournalDiskEvents): JournalDisk {
  const worker = startWorker(file)
  /** Number of the request to close, once there is one. */
  let closing: number | undefined
  let ending = false
  worker.on('message', (response: Response) => {
    // With that answer the thread ends by itself, which may be seen before who asked has gone on.
    if (response.n === closing) ending = true
    events.answered(response)
  })
  worker.on('error', (cause) =>
    events.failed(new JournalFailed(`journal thread: ${cause.message}`, { cause })),
  )
  worker.on('exit', () => {
    if (!ending) events.failed(new JournalFailed('the journal thread ended'))
  })
  return {
    send(request: Request) {
      if (request.op === 'close') closing = request.n
      worker.postMessage(request)
    },
    async end() {
      ending = true
      await worker.terminate()
    },
  }
}

/** What passes through the thread lives briefly: a small young generation costs little time and saves 10 MB (measured). */
const LIMITS = { maxYoungGenerationSizeMb: 4 }

/** In a bundle the worker lies beside it. From source it needs the loader that strips types, which a worker does not inherit. */
function startWorker(workerData: JournalFile): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData, resourceLimits: LIMITS })
  const loader = import.meta.resolve('tsx/esm/api')
  const entry = new URL('./sqlite-worker.ts', import.meta.url).href
  const start = `import('${loader}').then(({ register }) => { register(); return import('${entry}') })`
  return new Worker(start, { eval: true, execArgv: [], workerData, resourceLimits: LIMITS })
}
