/** The contract of databases by the ways that database-contract.test.ts has not: the machine's own Postgres directly, and PgBouncer in transaction mode; where they are. */
import { afterAll, test } from 'vitest'
import { holdsFor, SYSTEM } from './test-database-contract.ts'
import { poolerMissing, startPooler } from './test-pooler.ts'

if (SYSTEM) holdsFor([{ name: "the machine's own Postgres, directly", url: SYSTEM, connection: 'direct' }])
else test.skip("the database contract on the machine's own Postgres: none was found", () => {})

if (poolerMissing) test.skip(`the database contract through a pooler: ${poolerMissing}`, () => {})
else {
  const pooler = await startPooler()
  afterAll(() => pooler.stop())
  process.env.TEST_POOLER = String(pooler.port)
  const name = "the tests' Postgres, through PgBouncer in transaction mode"
  holdsFor([{ name, url: process.env.TEST_DATABASE_URL, connection: 'pooled' }])
}
