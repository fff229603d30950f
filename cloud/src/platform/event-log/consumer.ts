/** The projections of a service at work in this process: woken by the bus, polling as the safety net. */

import { instant } from '@switchyard/protocol/instant.ts'
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import { Counter, Gauge, type Registry } from 'prom-client'
import { BUS, type Bus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { backfillOnce, noticeKinds } from './backfill.ts'
import { type ConsumeOptions, consumeOnce } from './consume.ts'
import { registerConsumer } from './cursor.ts'
import type { Projection } from './entry.ts'
import type { EventLog } from './event-log.ts'
import { createLoop, type Loop } from './loop.ts'
import { poisonAlert } from './poison-alert.ts'

/** Longest that a lost wake-up can delay a fact. */
export const CONSUMER_POLL_MS = 1_000

export interface ConsumerOptions {
  sql: Sql
  bus: Bus
  clock: Clock
  log: Logger
  eventLog: EventLog
  projections: readonly Projection[]
  metrics: Registry
}

/** What `consumeOnce` and `replayParked` need, with the alert that goes out when a site is parked. */
export function consumeOptions(
  { sql, log, clock, eventLog }: Pick<ConsumerOptions, 'sql' | 'log' | 'clock' | 'eventLog'>,
  projection: Projection,
): ConsumeOptions {
  if (eventLog.schema === null) throw new Error(`${projection.consumer}: a consumer needs a schema`)
  return {
    sql,
    log,
    projection,
    schema: eventLog.schema,
    generation: eventLog.generation,
    onParked: (tx, parked) =>
      eventLog.publish(tx, {
        tenantId: parked.tenantId,
        siteId: parked.siteId,
        kind: 'alert.raised',
        at: instant(clock.now()),
        data: {
          alertId: alertId(parked),
          rule: 'projection-parked',
          severity: 'critical',
          text: `${parked.consumer} could not take fact ${parked.partition}/${parked.position}: ${parked.reason}`,
        },
      }),
    onSetAside: (tx, entry) => eventLog.publish(tx, poisonAlert(entry, clock.now())),
    onReplayed: (tx, parked) =>
      eventLog.publish(tx, {
        tenantId: parked.tenantId,
        siteId: parked.siteId,
        kind: 'alert.cleared',
        at: instant(clock.now()),
        data: { alertId: alertId(parked) },
      }),
  }
}

function alertId({ consumer, parkKey }: { consumer: string; parkKey: string }): string {
  return `parked-${consumer}-${parkKey}`
}

export async function startConsumers(options: ConsumerOptions): Promise<Loop> {
  const { sql, bus, clock, log, eventLog, projections, metrics } = options
  const consumers = projections.map((it) => it.consumer)
  for (const projection of projections) {
    const { consumer, kinds } = projection
    await registerConsumer(consumeOptions(options, projection))
    const learnt = await noticeKinds(sql, consumer, kinds, clock.now())
    if (learnt.length > 0)
      log.info(
        { consumer, kinds: learnt },
        'kinds that this version has learnt: what was passed is taken now',
      )
  }
  const applied = new Counter({
    name: 'switchyard_consumer_entries_total',
    help: 'Entries of the event log applied',
    labelNames: ['consumer'],
    registers: [metrics],
  })
  const lags = lagsOf(sql, consumers)
  new Gauge({
    name: 'switchyard_consumer_lag_entries',
    help: 'Entries of the event log not yet passed, over all log partitions',
    labelNames: ['consumer'],
    registers: [metrics],
    async collect() {
      for (const { consumer, entries } of await lags()) this.set({ consumer }, entries)
    },
  })
  new Gauge({
    name: 'switchyard_consumer_lag_seconds',
    help: 'Age of the last entry that a consumer which is behind has passed; 0: it is not behind',
    labelNames: ['consumer'],
    registers: [metrics],
    async collect() {
      for (const { consumer, seconds } of await lags()) this.set({ consumer }, Math.max(0, seconds))
    },
  })
  new Gauge({
    name: 'switchyard_consumer_parked_sites',
    help: 'Sites of which a consumer takes nothing more, after a fact that it could not take',
    labelNames: ['consumer'],
    registers: [metrics],
    async collect() {
      const rows = await sql<{ consumer: string; n: number }[]>`
        select c.consumer, count(p.park_key)::int as n
          from unnest(${consumers}::text[]) c(consumer) left join log.parked p on p.consumer = c.consumer
         group by c.consumer`.catch(() => [])
      for (const { consumer, n } of rows) this.set({ consumer }, n)
    },
  })
  const workers = projections.flatMap((projection) =>
    Array.from({ length: projection.atOnce ?? 1 }, (_, worker) => ({ projection, worker })),
  )
  const loops = workers.map(({ projection, worker }) => {
    const consume = consumeOptions(options, projection)
    return createLoop({
      clock,
      log,
      name: `consumer ${projection.consumer}${worker === 0 ? '' : ` ${worker + 1}`}`,
      pollMs: CONSUMER_POLL_MS,
      work: async () => {
        const consumed = await consumeOnce(consume)
        if (!consumed) return await backfillOnce(consume, clock.now())
        applied.inc({ consumer: projection.consumer }, consumed.applied.length)
        if (consumed.parked.length > 0) eventLog.wake()
        return true
      },
    })
  })
  const wake = (): void => {
    for (const loop of loops) loop.wake()
  }
  const unsubscribe = bus.subscribe(BUS.appended, wake)
  return {
    wake,
    async stop() {
      unsubscribe()
      await Promise.all(loops.map((it) => it.stop()))
    },
  }
}

interface Lag {
  consumer: string
  entries: number
  seconds: number
}

/** How far consumers are behind; who asks while that is being asked hears the same: the gauges of one scrape are one query. None where the database is away. */
function lagsOf(sql: Sql, consumers: readonly string[]): () => Promise<readonly Lag[]> {
  let asked: Promise<readonly Lag[]> | undefined
  const ask = async (): Promise<readonly Lag[]> => {
    try {
      return await sql<Lag[]>`
        select c.consumer, sum(h.position - c.position)::bigint as entries,
               coalesce(max(extract(epoch from now() - c.received_at)) filter (
                 where c.position < h.position and isfinite(c.received_at)), 0)::float8 as seconds
          from log.cursor c join log.head h on h.partition = c.partition
         where c.consumer = any(${consumers}::text[]) group by c.consumer`
    } catch {
      return []
    } finally {
      asked = undefined
    }
  }
  return () => {
    asked ??= ask()
    return asked
  }
}
