/** What a service is given, and what it gives back: the one face between `main.ts` and the seven targets. */
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import type { Registry } from 'prom-client'
import type { Bus } from './bus.ts'
import type { Clock, Random } from './clock.ts'
import type { Config } from './config.ts'
import type { Projection } from './event-log/entry.ts'
import type { EventLog } from './event-log/event-log.ts'
import type { ServiceClient } from './http/service-client.ts'
import type { Reports } from './reports.ts'

export const TARGETS = [
  'api-gateway',
  'station-service',
  'driver-service',
  'billing-service',
  'monitoring-service',
  'ocpp-gateway',
  'site-gateway',
] as const
export type TargetName = (typeof TARGETS)[number]

export interface ServiceContext {
  config: Config
  /** Child logger with `service` set. */
  log: Logger
  /** Pool of this service, with statement and idle-in-transaction timeouts. */
  sql: Sql
  /** For reads that may be a little old. */
  reports: Reports
  eventLog: EventLog
  bus: Bus
  clock: Clock
  random: Random
  metrics: Registry
  /** Random id of this process, told in /health. */
  instance: string
  /** Typed HTTP to another target, with the service key; never inside a database transaction. */
  client(target: TargetName): ServiceClient
}

/** The app of a service; one with an environment of its own is given as `app as unknown as Routes`. */
export type Routes = Hono

export interface RunningService {
  /** Routes of this service, mounted beside /health, /ready and /metrics. Requests carry the service key, except on api-gateway. */
  routes?: Routes
  /** WebSocket upgrades and other raw needs: called with the HTTP server once it listens. */
  onListening?(server: import('node:http').Server): void
  /** Facts -> this service's tables; the platform runs them with cursors. */
  projections?: Projection[]
  /** Empty when ready; otherwise why not. */
  notReady?(): string | undefined
  /** Stops taking work and finishes what is begun, within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
}

export interface Service {
  name: TargetName
  /** Its Postgres schema; migrations stand in `<name>/migrations/NNNN-what.sql`. Null: it has no tables. */
  schema: string | null
  start(context: ServiceContext): Promise<RunningService>
}
