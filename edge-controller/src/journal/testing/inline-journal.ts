/** The journal port over the same synchronous code in the calling thread: for tests and the deterministic simulator. */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { Change, Fork, Heads, Journal, JournalState, RowsAfter } from '../port.ts'
import { revived, serialise } from '../serialise.ts'
import { SqliteJournal } from '../sqlite.ts'

export class InlineJournal implements Journal {
  readonly #journal: SqliteJournal

  /** Throws JournalFailed when the file cannot be opened. */
  constructor(file: string, newJournalId: string) {
    this.#journal = new SqliteJournal(file, newJournalId)
  }

  async load(): Promise<JournalState> {
    return revived(this.#journal.load())
  }

  async commit(change: Change): Promise<Heads> {
    const result = this.#journal.commitGroup([serialise(change)])[0]!
    if (!result.ok) throw result.error
    return result.heads
  }

  async readAfter(stream: Stream, seq: number, maxRows: number, maxBytes: number): Promise<RowsAfter> {
    return this.#journal.readAfter(stream, seq, maxRows, maxBytes)
  }

  async acknowledge(stream: Stream, upTo: number): Promise<void> {
    this.#journal.acknowledge({ [stream]: upTo })
  }

  async withdraw(stream: Stream, upTo: number): Promise<void> {
    this.#journal.withdraw(stream, upTo)
  }

  async fork({ journalId, shared, change }: Fork): Promise<Heads> {
    return this.#journal.fork({ journalId, shared, change: serialise(change) })
  }

  async prune(stream: Stream, upTo: number): Promise<number> {
    return this.#journal.prune(stream, upTo)
  }

  async close(): Promise<void> {
    this.#journal.close()
  }
}
