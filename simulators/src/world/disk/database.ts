/** A database on a memory card, with as much of better-sqlite3's face as a journal uses: the same journal code runs over both. */
import type { Database } from '@switchyard/edge-controller/site-controller.ts'
import { type Connection, type Raw, Statement } from './statement.ts'
import { type Sqlite, VFS_NAME } from './vfs.ts'

/** As better-sqlite3's: the code is the name of SQLite's result. */
class SqliteError extends Error {
  override name = 'SqliteError'
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

/** `file` is `<id of a card>/<name>`. */
export function openOnCard(sqlite: Sqlite, file: string): Database {
  // Types of overloads and of what a journal does not use stand in the way; the tests of the journal run over this one.
  return new CardDatabase(sqlite, file) as unknown as Database
}

class CardDatabase {
  readonly #connection: Connection
  readonly #statements: Statement[] = []

  constructor({ api }: Sqlite, file: string) {
    const { capi, wasm } = api
    const out = wasm.alloc(8)
    const flags = capi.SQLITE_OPEN_READWRITE | capi.SQLITE_OPEN_CREATE
    const code = capi.sqlite3_open_v2(file, out, flags, VFS_NAME) as number
    const db = wasm.peekPtr(out) as number
    wasm.dealloc(out)
    this.#connection = {
      api,
      db,
      raw: wasm.exports as unknown as Raw,
      check(result) {
        if (result === 0) return
        const extended = capi.sqlite3_extended_errcode(db) as number
        const name = String(capi.sqlite3_js_rc_str(extended) ?? capi.sqlite3_js_rc_str(result))
        throw new SqliteError(String(capi.sqlite3_errmsg(db)), name)
      },
    }
    if (code !== 0) {
      const message = String(capi.sqlite3_errmsg(db))
      capi.sqlite3_close_v2(db)
      throw new SqliteError(message, String(capi.sqlite3_js_rc_str(code)))
    }
    this.#connection.check(capi.sqlite3_extended_result_codes(db, 1) as number)
  }

  get inTransaction(): boolean {
    const { api, db } = this.#connection
    return api.capi.sqlite3_get_autocommit(db) === 0
  }

  exec(sql: string): this {
    const { api, db, check } = this.#connection
    check(api.capi.sqlite3_exec(db, sql, 0, 0, 0) as number)
    return this
  }

  prepare(sql: string): Statement {
    const { api, db, check } = this.#connection
    const { capi, wasm } = api
    const out = wasm.alloc(8)
    const code = capi.sqlite3_prepare_v2(db, sql, -1, out, 0) as number
    const pointer = wasm.peekPtr(out) as number
    wasm.dealloc(out)
    check(code)
    const statement = new Statement(this.#connection, pointer)
    this.#statements.push(statement)
    return statement
  }

  pragma(text: string, options: { simple?: boolean } = {}): unknown {
    const statement = this.prepare(`PRAGMA ${text}`)
    const rows = options.simple ? statement.pluck().all() : statement.all()
    this.#statements.pop()
    statement.finalize()
    return options.simple ? rows[0] : rows
  }

  transaction<T>(work: (...values: unknown[]) => T) {
    const within =
      (begin: string) =>
      (...values: unknown[]): T => {
        this.exec(begin)
        try {
          const result = work(...values)
          this.exec('COMMIT')
          return result
        } catch (cause) {
          if (this.inTransaction) this.exec('ROLLBACK')
          throw cause
        }
      }
    return Object.assign(within('BEGIN'), {
      deferred: within('BEGIN'),
      immediate: within('BEGIN IMMEDIATE'),
      exclusive: within('BEGIN EXCLUSIVE'),
    })
  }

  close(): this {
    for (const statement of this.#statements.splice(0)) statement.finalize()
    const { api, db } = this.#connection
    api.capi.sqlite3_close_v2(db)
    return this
  }
}
