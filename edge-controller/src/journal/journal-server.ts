/** Answers requests from the journal's file, each in one go: in the worker thread on the box, at its virtual disk in the simulator. */
import { readFlat } from './flat-changes.ts'
import type { GroupResult, JournalFile, Request, Response } from './journal-messages.ts'
import { SqliteJournal } from './sqlite.ts'
import type { OpenDatabase } from './sqlite-driver.ts'

export class JournalServer {
  readonly #file: JournalFile
  readonly #open: OpenDatabase | undefined
  #journal: SqliteJournal | undefined

  /** `open` brings another build of SQLite. */
  constructor(file: JournalFile, open?: OpenDatabase) {
    this.#file = file
    this.#open = open
  }

  respond(request: Request): Response {
    try {
      return { n: request.n, ok: true, value: this.#perform(request) }
    } catch (error) {
      const { name, message } = error as Error
      return { n: request.n, ok: false, name, message }
    }
  }

  #perform(request: Request): unknown {
    if (request.op === 'open') {
      this.#journal = new SqliteJournal(this.#file.file, this.#file.newJournalId, { open: this.#open })
      return this.#journal.load()
    }
    if (request.op === 'close') {
      this.#journal?.close()
      this.#journal = undefined
      return undefined
    }
    const journal = this.#journal
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
      case 'fork':
        return journal.fork(request.fork)
      case 'prune':
        return journal.prune(request.stream, request.upTo)
    }
  }
}
