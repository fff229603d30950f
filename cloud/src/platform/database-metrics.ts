/** What every target tells of its way to the database. */
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from './clock.ts'
import { answers, DATABASE_ANSWER_MS } from './database-answers.ts'

export function createDatabaseMetrics(registry: Registry, sql: Sql, clock: Clock, size: number): void {
  new Gauge({
    name: 'switchyard_pool_wait_seconds',
    help: `How long a statement of this scrape waited for a connection of the pool and its answer; ${DATABASE_ANSWER_MS / 1_000}: it was given up`,
    registers: [registry],
    async collect() {
      const from = clock.mono()
      const isAnswered = (await answers(sql, clock)) === undefined
      this.set((isAnswered ? clock.mono() - from : DATABASE_ANSWER_MS) / 1_000)
    },
  })
  new Gauge({
    name: 'switchyard_pool_connections_max',
    help: 'Most connections of the pool',
    registers: [registry],
  }).set(size)
}
