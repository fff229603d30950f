/** Starts one target: its pool, log, routes, consumers and relay; and stops them in the reverse order. */
import type { Logger } from 'pino'
import { Gauge } from 'prom-client'
import type { Bus } from './bus.ts'
import type { Clock, Random } from './clock.ts'
import type { Config } from './config.ts'
import { answers } from './database-answers.ts'
import { createDatabaseMetrics } from './database-metrics.ts'
import { startConsumers } from './event-log/consumer.ts'
import type { Loop } from './event-log/loop.ts'
import { createParkedRoutes } from './event-log/parked-routes.ts'
import { createEventLog } from './event-log/postgres-event-log.ts'
import { startRelay } from './event-log/relay.ts'
import { type RunningServer, startServer } from './http/server.ts'
import { createServiceClient } from './http/service-client.ts'
import { createMetrics } from './metrics.ts'
import { checkPooler } from './pooler.ts'
import { createPool } from './postgres.ts'
import { createReports } from './reports.ts'
import type { Service, ServiceContext, TargetName } from './service.ts'

/** What all targets of a process share. */
export interface ProcessParts {
  config: Config
  log: Logger
  bus: Bus
  clock: Clock
  random: Random
  instance: string
  version: string
  /** Where another target is. */
  urlOf(target: TargetName): string
}

export interface RunningTarget {
  name: TargetName
  url: string
  port: number
  context: ServiceContext
  /** Before `stop`, where others may be asked instead: see `RunningServer.turnAway`. */
  turnAway(lingerMs: number): Promise<void>
  stop(deadlineMs: number): Promise<void>
}

export async function startTarget(service: Service, parts: ProcessParts): Promise<RunningTarget> {
  const { config, bus, clock, random, instance, version } = parts
  const log = parts.log.child({ service: service.name, instance })
  const metrics = createMetrics(service.name)
  const sql = createPool({
    url: config.databaseUrl,
    size: config.poolSizes[service.name],
    name: service.name,
    log,
    pooled: config.databasePooled,
  })
  // Undone in the reverse order, at stop and when a later step of the start fails.
  const undo: ((deadlineMs: number) => Promise<void>)[] = [() => sql.end({ timeout: 2 })]
  const stop = async (deadlineMs: number): Promise<void> => {
    const until = clock.mono() + deadlineMs
    for (const step of undo.splice(0).reverse()) {
      await step(Math.max(100, until - clock.mono())).catch((error: unknown) =>
        log.error({ err: error }, 'a part did not stop in order'),
      )
    }
  }
  try {
    if (config.databasePooled) await checkPooler(sql)
    const eventLog = await createEventLog({ sql, bus, schema: service.schema })
    const reports = createReports({
      sql,
      replica: config.databaseReplica,
      pooled: config.databasePooled,
      name: service.name,
      clock,
      log,
      metrics,
    })
    undo.push(() => reports.stop())
    const context: ServiceContext = {
      config,
      log,
      sql,
      reports,
      eventLog,
      bus,
      clock,
      random,
      metrics,
      instance,
      client: (target) => createServiceClient(target, parts.urlOf, config.serviceKey),
    }
    const running = await service.start(context)
    let server: RunningServer | undefined
    // Together: the server takes no more requests, and the service ends those that would stay open for ever (streams).
    undo.push(async (deadlineMs) => {
      await Promise.all([server?.close(deadlineMs), running.stop(deadlineMs)])
    })
    createDatabaseMetrics(metrics, sql, clock, config.poolSizes[service.name])
    // No part of readiness: without the bus everything goes on by polling, and no replica would be left to serve.
    new Gauge({
      name: 'switchyard_bus_up',
      help: 'Whether wake-ups and live pictures pass and limits count for all replicas (0: Redis is away; all goes on by polling, and each replica counts its own)',
      registers: [metrics],
      collect() {
        this.set(bus.ready() ? 1 : 0)
      },
    })
    const loops: Loop[] = []
    if (running.projections?.length)
      loops.push(
        await startConsumers({ sql, bus, clock, log, eventLog, projections: running.projections, metrics }),
      )
    if (service.schema !== null)
      loops.push(startRelay({ sql, bus, clock, log, schema: service.schema, producer: service.name }))
    undo.push(async () => {
      await Promise.all(loops.map((it) => it.stop()))
    })
    server = await startServer({
      name: service.name,
      instance,
      version,
      build: config.buildId,
      port: config.ports[service.name],
      bindAddress: config.bindAddresses[service.name] ?? config.bindAddress,
      log,
      metrics: config.enableMetrics ? metrics : undefined,
      routes: running.routes,
      parked: running.projections?.length
        ? createParkedRoutes(context, service.name, running.projections)
        : undefined,
      notReady: async () => {
        const database = await answers(sql, clock, (reason) => log.debug({ reason }, 'not ready'))
        if (database !== undefined) return database
        return running.notReady?.()
      },
    })
    running.onListening?.(server.server)
    log.info({ url: server.url }, 'listening')
    const { url, port, turnAway } = server
    return { name: service.name, url, port, context, turnAway, stop }
  } catch (error) {
    await stop(1_000)
    throw error
  }
}
