/** The contract of databases: what is said of migrations, the log, its consumers and its relay, one way after the other. */
import { describe, vi } from 'vitest'

/** How the suites reach a database: over one direct connection, a pool of their own, or a pooler (TEST_POOLER). */
export interface Way {
  name: string
  url?: string | undefined
  connection: 'direct' | 'pool' | 'pooled'
}

/** The machine's own Postgres, where there is one. */
export const SYSTEM = process.env.TEST_SYSTEM_DATABASE_URL

const suites = {
  migrations: () => import('./migrations.test.ts'),
  log: () => import('./event-log/event-log.test.ts'),
  consumers: () => import('./event-log/consume.test.ts'),
  'wake-ups and relay': () => import('./event-log/wake-ups.test.ts'),
}

export function holdsFor(ways: readonly Way[]): void {
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
}
