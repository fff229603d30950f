/**
 * One contract for every database: what is said of migrations, the log, its consumers and its relay holds on the embedded
 * Postgres (over a pool these tests run by themselves) and on the machine's own, where TEST_SYSTEM_DATABASE_URL names one; and over one direct
 * connection as over a pool, so that nothing waits for a second connection while it holds the first.
 */
import { describe, vi } from 'vitest'

const system = process.env.TEST_SYSTEM_DATABASE_URL
const ways: { name: string; url?: string | undefined; connection: string }[] = [
  { name: "the tests' Postgres, directly", url: process.env.TEST_DATABASE_URL, connection: 'direct' },
]
if (system)
  ways.push(
    { name: "the machine's own Postgres, over a pool", url: system, connection: 'pool' },
    { name: "the machine's own Postgres, directly", url: system, connection: 'direct' },
  )
if (!system)
  console.log("contract of the database against the machine's own Postgres: skipped, none was found")

const suites = {
  migrations: () => import('./migrations.test.ts'),
  log: () => import('./event-log/event-log.test.ts'),
  consumers: () => import('./event-log/consume.test.ts'),
  'wake-ups and relay': () => import('./event-log/wake-ups.test.ts'),
}

for (const { name, url, connection } of ways) {
  describe(`the database contract: ${name}`, () => {
    for (const [what, load] of Object.entries(suites))
      describe(what, async () => {
        // The suites are read anew for each way, under its settings.
        vi.resetModules()
        if (url !== undefined) process.env.TEST_DATABASE_URL = url
        process.env.TEST_CONNECTION = connection
        await load()
      })
  })
}
