/**
 * The table of one stream's rows. Rows keep their place in the file when the journal forks: seqs count from a base, and what
 * lies at or below it belonged to the journal before. So a fork costs neither time nor room, however long the backlog.
 */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type BetterSqlite3 from 'better-sqlite3'
import type { StoredRow } from './port.ts'
import type { Database } from './sqlite-driver.ts'

export interface Place {
  seq: number
  rowId: string
}

interface Row {
  seq: number
  id: string
  fact: string
  covers: number | null
}

export class RowTable {
  /** Place in the table of seq 0. */
  #base: number
  readonly #insert: BetterSqlite3.Statement<[number, string, string]>
  readonly #after: BetterSqlite3.Statement<[number, number], Row>
  readonly #idAt: BetterSqlite3.Statement<[number], string>
  readonly #newest: BetterSqlite3.Statement<[number], Place>
  readonly #nth: BetterSqlite3.Statement<[number, number, number], Place>
  readonly #oldest: BetterSqlite3.Statement<[], number>
  readonly #remove: BetterSqlite3.Statement<[number]>

  constructor(db: Database, stream: Stream, base: number) {
    const table = `row_${stream}`
    this.#base = base
    this.#insert = db.prepare(`INSERT INTO ${table} (seq, id, fact) VALUES (?, ?, ?)`)
    this.#after = db.prepare(`SELECT seq, id, fact, covers FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#idAt = db
      .prepare<[number], string>(`SELECT id FROM ${table} WHERE seq = ?`)
      .pluck() as BetterSqlite3.Statement<[number], string>
    this.#newest = db.prepare(`SELECT seq, id AS rowId FROM ${table} WHERE seq > ? ORDER BY seq DESC LIMIT 1`)
    this.#nth = db.prepare(
      `SELECT seq, id AS rowId FROM (SELECT seq, id FROM ${table} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?) ORDER BY seq DESC LIMIT 1`,
    )
    this.#oldest = db
      .prepare<[], number>(`SELECT seq - coalesce(covers, 1) FROM ${table} ORDER BY seq LIMIT 1`)
      .pluck() as BetterSqlite3.Statement<[], number>
    this.#remove = db.prepare(`DELETE FROM ${table} WHERE seq <= ?`)
  }

  get base(): number {
    return this.#base
  }

  /** From here on, seq 1 is the row after this place. */
  rebase(base: number): void {
    this.#base = base
  }

  insert(seq: number, id: string, fact: string): void {
    this.#insert.run(this.#base + seq, id, fact)
  }

  /** Rows after a seq, oldest first. */
  *after(seq: number, maxRows: number): Generator<StoredRow> {
    for (const row of this.#after.iterate(this.#base + seq, maxRows)) {
      const { covers, ...rest } = row
      rest.seq -= this.#base
      yield covers === null ? rest : { ...rest, covers }
    }
  }

  /** A seq below 1 is that of a row of the journals before, counted back from their end. */
  idAt(seq: number): string | undefined {
    return this.#idAt.get(this.#base + seq)
  }

  /** The seq before the oldest row that is left, of this journal or of those before it; 0 or less. */
  beforeOldest(): number {
    return Math.min(0, (this.#oldest.get() ?? this.#base) - this.#base)
  }

  newest(): Place | undefined {
    return this.#relative(this.#newest.get(this.#base))
  }

  /** The last of the oldest `count` rows up to a seq. */
  lastOfOldest(count: number, upTo: number): Place | undefined {
    return this.#relative(this.#nth.get(this.#base, this.#base + upTo, count))
  }

  /** Removes every row up to a seq; gives how many. */
  removeUpTo(seq: number): number {
    return this.#remove.run(this.#base + seq).changes
  }

  /** Removes the oldest `count` rows of the journals before this one; gives how many. */
  removeFormer(count: number): number {
    const last = this.#nth.get(0, this.#base, count)
    return last ? this.#remove.run(last.seq).changes : 0
  }

  #relative(place: Place | undefined): Place | undefined {
    return place && { seq: place.seq - this.#base, rowId: place.rowId }
  }
}
