/**
 * One contract for every database: it holds on the embedded Postgres (over a pool its tests run by themselves) over one direct
 * connection, so that nothing waits for a second one while it holds the first, and on the machine's own, where
 * TEST_SYSTEM_DATABASE_URL names one. The other ways there are take minutes: database-contract-more.test.ts.
 */
import { holdsFor, SYSTEM, type Way } from './test-database-contract.ts'

const ways: Way[] = [
  { name: "the tests' Postgres, directly", url: process.env.TEST_DATABASE_URL, connection: 'direct' },
]
if (SYSTEM) ways.push({ name: "the machine's own Postgres, over a pool", url: SYSTEM, connection: 'pool' })
else console.log("contract of the database against the machine's own Postgres: skipped, none was found")

holdsFor(ways)
