/** A prepared statement of the WASM build, with the face that better-sqlite3 gives its own. */
import type { Sqlite3Static } from '@sqlite.org/sqlite-wasm'

export type Bindable = string | number | bigint | null | Uint8Array
export type Value = string | number | null | Uint8Array

/** Functions of the module as they are, pointers as numbers: the wrapped ones cost more than what they do. */
export interface Raw {
  sqlite3_step(statement: number): number
  sqlite3_reset(statement: number): number
  sqlite3_finalize(statement: number): number
  sqlite3_changes(db: number): number
  sqlite3_column_count(statement: number): number
  sqlite3_column_type(statement: number, column: number): number
  sqlite3_column_double(statement: number, column: number): number
  sqlite3_column_text(statement: number, column: number): number
  sqlite3_column_blob(statement: number, column: number): number
  sqlite3_column_bytes(statement: number, column: number): number
  sqlite3_bind_text(statement: number, at: number, text: number, bytes: number, lifetime: number): number
  sqlite3_bind_blob(statement: number, at: number, bytes: number, length: number, lifetime: number): number
  sqlite3_bind_int64(statement: number, at: number, value: bigint): number
  sqlite3_bind_double(statement: number, at: number, value: number): number
  sqlite3_bind_null(statement: number, at: number): number
}

export interface Connection {
  readonly api: Sqlite3Static
  readonly raw: Raw
  readonly db: number
  /** Throws what a result code means, unless it means none. */
  check(code: number): void
}

const ROW = 100
const DONE = 101
const [INTEGER, FLOAT, TEXT, BLOB] = [1, 2, 3, 4]
/** SQLite copies what it is given. */
const TRANSIENT = -1

export class Statement {
  readonly #connection: Connection
  readonly #pointer: number
  readonly #names: string[]
  #mode: 'object' | 'pluck' | 'raw' = 'object'

  constructor(connection: Connection, pointer: number) {
    this.#connection = connection
    this.#pointer = pointer
    const { capi } = connection.api
    this.#names = Array.from({ length: connection.raw.sqlite3_column_count(pointer) }, (_, i) =>
      capi.sqlite3_column_name(pointer, i),
    )
  }

  pluck(): this {
    this.#mode = 'pluck'
    return this
  }

  raw(): this {
    this.#mode = 'raw'
    return this
  }

  run(...values: Bindable[]): { changes: number } {
    const { raw, db } = this.#connection
    for (const _ of this.iterate(...values));
    return { changes: raw.sqlite3_changes(db) }
  }

  get(...values: Bindable[]): unknown {
    for (const row of this.iterate(...values)) return row
    return undefined
  }

  all(...values: Bindable[]): unknown[] {
    return [...this.iterate(...values)]
  }

  *iterate(...values: Bindable[]): Generator<unknown> {
    const { raw, check } = this.#connection
    for (const [i, value] of values.entries()) this.#bind(i + 1, value)
    try {
      for (;;) {
        const code = raw.sqlite3_step(this.#pointer)
        if (code === DONE) return
        if (code !== ROW) check(code)
        yield this.#row()
      }
    } finally {
      // What it says here was said by the step already.
      raw.sqlite3_reset(this.#pointer)
    }
  }

  finalize(): void {
    this.#connection.raw.sqlite3_finalize(this.#pointer)
  }

  #bind(at: number, value: Bindable): void {
    const { raw, check } = this.#connection
    if (value === null) check(raw.sqlite3_bind_null(this.#pointer, at))
    else if (typeof value === 'bigint') check(raw.sqlite3_bind_int64(this.#pointer, at, value))
    else if (typeof value === 'number')
      check(
        Number.isSafeInteger(value)
          ? raw.sqlite3_bind_int64(this.#pointer, at, BigInt(value))
          : raw.sqlite3_bind_double(this.#pointer, at, value),
      )
    else if (typeof value === 'string' || value instanceof Uint8Array) this.#bindBytes(at, value)
    else throw new TypeError('SQLite3 can only bind numbers, strings, bigints, buffers, and null')
  }

  #bindBytes(at: number, value: string | Uint8Array): void {
    const { raw, check, api } = this.#connection
    const { wasm } = api
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    const pointer = wasm.alloc(bytes.length + 1)
    wasm.heap8u().set(bytes, pointer)
    const bind = typeof value === 'string' ? raw.sqlite3_bind_text : raw.sqlite3_bind_blob
    const code = bind(this.#pointer, at, pointer, bytes.length, TRANSIENT)
    wasm.dealloc(pointer)
    check(code)
  }

  #row(): unknown {
    if (this.#mode === 'pluck') return this.#column(0)
    if (this.#mode === 'raw') return this.#names.map((_, i) => this.#column(i))
    const row: Record<string, Value> = {}
    for (const [i, name] of this.#names.entries()) row[name] = this.#column(i)
    return row
  }

  #column(i: number): Value {
    const { raw } = this.#connection
    const type = raw.sqlite3_column_type(this.#pointer, i)
    if (type === INTEGER || type === FLOAT) return raw.sqlite3_column_double(this.#pointer, i)
    if (type !== TEXT && type !== BLOB) return null
    const pointer =
      type === TEXT ? raw.sqlite3_column_text(this.#pointer, i) : raw.sqlite3_column_blob(this.#pointer, i)
    const length = raw.sqlite3_column_bytes(this.#pointer, i)
    const bytes = this.#connection.api.wasm.heap8u().slice(pointer, pointer + length)
    return type === TEXT ? Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8') : bytes
  }
}
