/** What every target tells of its way to the database. */
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from './clock.ts'

/** Longest that a scrape waits for a connection; told as this. */
export const POOL_WAIT_MAX_MS = 2_000

export function createDatabaseMetrics(registry: Registry, sql: Sql, clock: Clock, size: number): void {
  new Gauge({
    name: 'switchyard_pool_wait_seconds',
    help: `How long a statement of this scrape waited for a connection of the pool and its answer; ${POOL_WAIT_MAX_MS / 1_000}: it was given up`,
    registers: [registry],
    async collect() {
      const from = clock.mono()
      await new Promise<void>((resolve) => {
        const cancel = clock.after(POOL_WAIT_MAX_MS, resolve)
        sql`select 1`
          .catch(() => new Promise(() => {}))
          .then(() => {
            cancel()
            resolve()
          })
      })
      this.set((clock.mono() - from) / 1_000)
    },
  })
  new Gauge({
    name: 'switchyard_pool_connections_max',
    help: 'Most connections of the pool',
    registers: [registry],
  }).set(size)
}
