/**
 * Which build of SQLite serves: better-sqlite3 13 (ready-made for every Node from 22 on), or 12 below, which is compiled for
 * the Node it runs on. From Node 24.19 on, 12 ends the process when one of its objects is collected.
 */
import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'

const FIRST_NODE_OF_13 = 22

/** What a journal needs of SQLite; the simulator brings a build of its own, with a disk that fails when it is told to. */
export type Database = Pick<
  BetterSqlite3.Database,
  'prepare' | 'exec' | 'pragma' | 'transaction' | 'inTransaction' | 'close'
> &
  Partial<Pick<BetterSqlite3.Database, 'backup'>>
export type OpenDatabase = (file: string, options: { timeout: number }) => Database

/** Loaded at the first call: who brings another build needs none of these. */
export const openDatabase: OpenDatabase = (file, options) => {
  const name =
    Number(process.versions.node.split('.')[0]) >= FIRST_NODE_OF_13 ? 'better-sqlite3-13' : 'better-sqlite3'
  const Driver = createRequire(import.meta.url)(name) as typeof BetterSqlite3
  return new Driver(file, options)
}
