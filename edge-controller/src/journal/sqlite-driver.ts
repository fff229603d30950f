/**
 * Which build of SQLite serves: better-sqlite3 13 (ready-made for every Node from 22 on), or 12 below, which is compiled for
 * the Node it runs on. From Node 24.19 on, 12 ends the process when one of its objects is collected.
 */
import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'

const FIRST_NODE_OF_13 = 22
const name =
  Number(process.versions.node.split('.')[0]) >= FIRST_NODE_OF_13 ? 'better-sqlite3-13' : 'better-sqlite3'

export const Database: typeof BetterSqlite3 = createRequire(import.meta.url)(name)
export type Database = BetterSqlite3.Database
