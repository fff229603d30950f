/** Moves a service's outbox to the log: woken by the bus after a commit, polling as the safety net. */
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { BUS, type Bus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { createLoop, type Loop } from './loop.ts'

/** Most facts moved in one statement. */
export const RELAY_BATCH = 500
/** Longest that a lost wake-up can delay a fact. */
export const RELAY_POLL_MS = 1_000

export interface RelayOptions {
  sql: Sql
  bus: Bus
  clock: Clock
  log: Logger
  schema: string
  /** Name told in the log entries. */
  producer: string
}

/** Moves one batch; gives how many facts were taken. */
export async function relayOnce({
  sql,
  bus,
  schema,
  producer,
}: Omit<RelayOptions, 'clock' | 'log'>): Promise<number> {
  // An empty outbox is seen at a glance; the function prepares its work each time it is called.
  const touched = await sql<{ partition: number; taken: number }[]>`
    select * from log.relay(${schema}, ${producer}, ${RELAY_BATCH})
     where exists (select 1 from ${sql(schema)}.outbox)`
  for (const { partition } of touched) bus.publish(BUS.appended, { partition })
  return touched.reduce((sum, it) => sum + it.taken, 0)
}

export function startRelay(options: RelayOptions): Loop {
  const { bus, clock, log, schema } = options
  const loop = createLoop({
    clock,
    log,
    name: `relay ${schema}`,
    pollMs: RELAY_POLL_MS,
    // What is committed meanwhile wakes it again; looking once more for nothing costs as much as moving a fact.
    work: async () => (await relayOnce(options)) === RELAY_BATCH,
  })
  const unsubscribe = bus.subscribe(BUS.outbox, (message) => {
    if ((message as { schema?: string }).schema === schema) loop.wake()
  })
  return {
    wake: loop.wake,
    async stop() {
      unsubscribe()
      await loop.stop()
    },
  }
}
