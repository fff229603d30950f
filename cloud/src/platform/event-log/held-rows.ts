/**
 * Rows of a table while many facts are applied to them: read once under lock, changed in memory, written back in one
 * statement. What the rows become is for pure functions to say.
 */
import type { TransactionSql } from 'postgres'

/** Postgres' own word for "try the transaction again". */
const SERIALIZATION_FAILURE = '40001'

export interface RowTable {
  /** With its schema. */
  name: string
  /** Key columns and their Postgres types. */
  key: Record<string, string>
  /** All other columns that the projection writes; the table may have more, which are left as they are. */
  columns: readonly string[]
  /** Columns that are written only when the row is made. */
  onlyAtFirst?: readonly string[]
}

export class HeldRows<Row extends object> {
  readonly #table: RowTable
  readonly #keys: string[]
  readonly #rows = new Map<string, Row>()
  readonly #found = new Set<string>()
  readonly #changed = new Map<string, Row>()

  private constructor(table: RowTable) {
    this.#table = table
    this.#keys = Object.keys(table.key)
  }

  /** Locks what there is of these keys, in the order of the keys, so that two transactions cannot wait for each other. */
  static async of<Row extends object>(
    tx: TransactionSql,
    table: RowTable,
    keys: Iterable<Partial<Row>>,
  ): Promise<HeldRows<Row>> {
    const held = new HeldRows<Row>(table)
    const wanted = new Map<string, Partial<Row>>()
    for (const key of keys) wanted.set(held.#keyOf(key), key)
    if (wanted.size === 0) return held
    const names = held.#keys
    const on = names.map((it) => `t.${quoted(it)} = k.${quoted(it)}`).join(' and ')
    const rows = await tx.unsafe<Row[]>(
      `select ${[...names, ...table.columns].map((it) => `t.${quoted(it)}`).join(', ')}
         from ${keysFrom(table)} join ${table.name} t on ${on}
        order by ${names.map((it) => `t.${quoted(it)}`).join(', ')} for update of t`,
      [JSON.stringify([...wanted.values()])],
      { prepare: true },
    )
    for (const row of rows) {
      const key = held.#keyOf(row)
      held.#rows.set(key, row)
      held.#found.add(key)
    }
    return held
  }

  get(key: Partial<Row>): Row | undefined {
    return this.#rows.get(this.#keyOf(key))
  }

  /** Puts what a row becomes, where that is another one than before: `get` and `put` in one. */
  change(key: Partial<Row>, becomes: (before: Row | undefined) => Row | undefined): void {
    const at = this.#keyOf(key)
    const before = this.#rows.get(at)
    const after = becomes(before)
    if (after === undefined || after === before) return
    this.#rows.set(at, after)
    this.#changed.set(at, after)
  }

  /** A row object that was given before is never changed itself: each change is a new one. */
  put(row: Row): void {
    const key = this.#keyOf(row)
    this.#rows.set(key, row)
    this.#changed.set(key, row)
  }

  /** Writes what was put. A row that somebody else made meanwhile is not overwritten unseen: then all is tried again. */
  async write(tx: TransactionSql): Promise<void> {
    const { name, columns, onlyAtFirst = [] } = this.#table
    const keys = this.#keys.map(quoted)
    const changed = [...this.#changed.values()]
    const known = changed.filter((it) => this.#found.has(this.#keyOf(it)))
    const made = changed.filter((it) => !this.#found.has(this.#keyOf(it)))
    const rows = `json_populate_recordset(null::${name}, $1::text::json)`
    if (known.length > 0) {
      const later = columns.filter((it) => !onlyAtFirst.includes(it)).map(quoted)
      await tx.unsafe(
        `update ${name} t set ${later.map((it) => `${it} = n.${it}`).join(', ')} from ${rows} n
          where ${keys.map((it) => `t.${it} = n.${it}`).join(' and ')}`,
        [JSON.stringify(known)],
        { prepare: true },
      )
    }
    if (made.length > 0) {
      const all = [...keys, ...columns.map(quoted)].join(', ')
      const { count } = await tx.unsafe(
        `insert into ${name} (${all}) select ${all} from ${rows} order by ${keys.join(', ')} on conflict do nothing`,
        [JSON.stringify(made)],
        { prepare: true },
      )
      if (count < made.length)
        throw Object.assign(new Error(`a row of ${name} was made meanwhile`), { code: SERIALIZATION_FAILURE })
    }
  }

  #keyOf(row: Partial<Row>): string {
    const [only, ...more] = this.#keys
    return more.length === 0
      ? String(row[only as keyof Row])
      : JSON.stringify(this.#keys.map((it) => row[it as keyof Row]))
  }
}

function keysFrom({ key }: RowTable): string {
  const columns = Object.entries(key).map(([name, type]) => `${quoted(name)} ${type}`)
  return `json_to_recordset($1::text::json) as k(${columns.join(', ')})`
}

function quoted(column: string): string {
  return `"${column}"`
}
