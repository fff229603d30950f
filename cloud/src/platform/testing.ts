/**
 * For tests of services: a fresh database with all migrations, a clock that stands still until told, a bus in memory, sites'
 * facts put into the log, and consumers that run until they have caught up. Real Postgres, no timers.
 */

import { instant } from '@switchyard/protocol/instant.ts'
import type { Fact, FactDraft, Stream } from '@switchyard/protocol/site/fact.ts'
import { streamOf } from '@switchyard/protocol/site/fact.ts'
import type { Logger } from 'pino'
import postgres, { type Sql } from 'postgres'
import { Registry } from 'prom-client'
import { afterAll } from 'vitest'
import type { Bus } from './bus.ts'
import { type Clock, systemRandom } from './clock.ts'
import { type Config, readConfig } from './config.ts'
import { backfillOnce, noticeKinds } from './event-log/backfill.ts'
import { consumeOnce } from './event-log/consume.ts'
import { consumeOptions } from './event-log/consumer.ts'
import { registerConsumer } from './event-log/cursor.ts'
import type { LogEntry, Projection } from './event-log/entry.ts'
import { createEventLog } from './event-log/postgres-event-log.ts'
import { relayOnce } from './event-log/relay.ts'
import { createServiceClient } from './http/service-client.ts'
import { createLog } from './log.ts'
import { createMemoryBus } from './memory-bus.ts'
import { type MigrationSource, migrate } from './migrations.ts'
import { createDirectConnection, createPool } from './postgres.ts'
import {
  type RunningService,
  type Service,
  type ServiceContext,
  TARGETS,
  type TargetName,
} from './service.ts'

const ADMIN_URL = process.env.TEST_DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
/** `direct`: one connection instead of a pool; `pooled`: through TEST_POOLER, a port. See test-database-contract.ts. */
const CONNECTION = process.env.TEST_CONNECTION ?? 'pool'
/** Where tests' clocks start: 2026-11-23T12:00:00Z. */
export const TEST_EPOCH_MS = 1_795_435_200_000
export const TEST_SERVICE_KEY = 'service-key-of-the-tests'

/** A clock that moves only when told; timers that fall due run in order. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function createTestClock(startMs: number = TEST_EPOCH_MS): TestClock {
  let elapsed = 0
  let timers: { at: number; work: () => void }[] = []
  return {
    now: () => startMs + elapsed,
    mono: () => elapsed,
    after(delayMs, work) {
      const timer = { at: elapsed + delayMs, work }
      timers.push(timer)
      return () => {
        timers = timers.filter((it) => it !== timer)
      }
    },
    advance(ms) {
      const until = elapsed + ms
      for (;;) {
        const next = timers.filter((it) => it.at <= until).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        elapsed = Math.max(elapsed, next.at)
        timers = timers.filter((it) => it !== next)
        next.work()
      }
      elapsed = until
    },
  }
}

export interface TestDatabase {
  url: string
  drop(): Promise<void>
}

/** A new, empty database on the tests' server. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase('')
}

/** Databases that a test file's own are copied from, by what was migrated. */
const templates = new Map<string, Promise<TestDatabase>>()
afterAll(async () => {
  for (const template of templates.values()) await (await template).drop()
  templates.clear()
  await admin?.end()
  admin = undefined
})

/** A new database with these schemas. Copying one that was migrated before takes two thirds of migrating another (measured). */
export async function createMigratedDatabase(
  sources: readonly MigrationSource[],
  log: Logger,
): Promise<TestDatabase> {
  const key = JSON.stringify(sources)
  const template = templates.get(key) ?? migrated()
  templates.set(key, template)
  return createDatabase(`template ${nameOf(await template)}`)

  async function migrated(): Promise<TestDatabase> {
    const database = await createTestDatabase()
    await migrate(database.url, sources, log)
    // A copy is not what its original was: without this it would be taken for a restored one.
    const sql = postgres(database.url, { max: 1, onnotice: () => {} })
    await sql`update log.generation set identity = null`
    await sql.end()
    return database
  }
}

function nameOf({ url }: TestDatabase): string {
  return new URL(url).pathname.slice(1)
}

async function createDatabase(how: string): Promise<TestDatabase> {
  const name = `switchyard_test_${systemRandom.bytes(6).toString('hex')}`
  await administer(`create database ${name} ${how}`)
  const url = new URL(ADMIN_URL)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => administer(`drop database if exists ${name} with (force)`) }
}

/** One connection for all databases of a test file: making one costs more than making a database (measured). */
let admin: Sql | undefined
async function administer(statement: string): Promise<void> {
  admin ??= postgres(ADMIN_URL, { max: 1, onnotice: () => {} })
  await admin.unsafe(statement)
}

export interface TestPlatform {
  context: ServiceContext
  clock: TestClock
  bus: Bus
  sql: Sql
  databaseUrl: string
  /** Appends facts of a site as its gateway would; gives the entries. The site's journal is `journal-<siteId>`. */
  appendFacts(siteId: string, drafts: FactDraft[], options?: AppendOptions): Promise<LogEntry[]>
  /** Moves this service's outbox to the log; gives how many facts were taken. */
  relay(): Promise<number>
  /** Runs a projection until nothing is behind. */
  catchUp(projection: Projection): Promise<void>
  /** Relays, and runs the service's projections, until nothing moves any more. */
  settle(service: RunningService): Promise<void>
  /** All entries of the log, or those of one kind, oldest first per partition. */
  entries(kind?: string): Promise<LogEntry[]>
  /** Answers for other targets: `(target, path, request) -> Response`. Without one, other targets cannot be reached. */
  onClient(handler: (target: TargetName, request: Request) => Promise<Response> | Response): void
  close(): Promise<void>
}
export interface AppendOptions {
  tenantId?: string
  /** false: facts of a fenced lane. */
  authority?: boolean
  journalId?: string
  /** Wall clock of the facts; the clock's own when left out. */
  at?: string
}

export interface TestPlatformOptions {
  /** The service under test: its schema and migrations are made. */
  service?: Pick<Service, 'name' | 'schema'>
  /** More schemas than the service's own. */
  sources?: MigrationSource[]
  env?: Record<string, string>
  /** A database that exists already, e.g. to start the same service twice on it. */
  database?: TestDatabase
}

export async function createTestPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  const { service = { name: 'station-service', schema: null } } = options
  const log: Logger = createLog(process.env.TEST_LOG_LEVEL ?? 'silent')
  const own = service.schema === null ? [] : [{ folder: service.name, schema: service.schema, outbox: true }]
  const sources = [...own, ...(options.sources ?? [])]
  const database = options.database ?? (await createMigratedDatabase(sources, log))
  if (options.database) await migrate(database.url, sources, log)
  const config = testConfig(database.url, options.env)
  const clock = createTestClock()
  const bus = createMemoryBus({ clock, log })
  const sql = connectionTo(database.url)
  const eventLog = await createEventLog({ sql, bus, schema: service.schema })
  const others = await startOthers()
  const context: ServiceContext = {
    config,
    log,
    sql,
    reports: { read: (work) => work(sql), stop: async () => {} },
    eventLog,
    bus,
    clock,
    random: systemRandom,
    metrics: new Registry(),
    instance: 'test',
    client: (target) => createServiceClient(target, () => others.urlOf(target), config.serviceKey),
  }
  const positions = new Map<string, number>()

  async function catchUp(projection: Projection): Promise<void> {
    const consume = consumeOptions(context, projection)
    await registerConsumer(consume)
    await noticeKinds(sql, projection.consumer, projection.kinds, clock.now())
    while ((await consumeOnce(consume)) || (await backfillOnce(consume, clock.now()))) {}
  }
  const relay = async (): Promise<number> =>
    service.schema === null
      ? 0
      : await relayOnce({ sql, bus, schema: service.schema, producer: service.name })

  return {
    context,
    clock,
    bus,
    sql,
    databaseUrl: database.url,
    catchUp,
    relay,
    async appendFacts(siteId, drafts, append = {}) {
      const journalId = append.journalId ?? `journal-${siteId}`
      const partition = eventLog.partitionOf(siteId)
      const at = append.at ?? instant(clock.now())
      const appended: LogEntry[] = []
      for (const { stream, facts } of runsOf(drafts)) {
        const key = `${siteId} ${journalId} ${stream}`
        const after = positions.get(key) ?? (await eventLog.streamState(siteId, journalId, stream))?.last ?? 0
        const rows = facts.map((draft, i) => {
          const fact: Fact = { ...draft, at, monoMs: clock.mono(), bootId: 'boot-1', clock: 'synced' }
          const seq = after + 1 + i
          return { seq, id: `${journalId}-${stream}-${seq}`, fact: JSON.stringify(fact) }
        })
        const { tenantId = 'default', authority = true } = append
        const batch = { tenantId, siteId, journalId, stream, after, rows, authority }
        const [result] = await eventLog.append(partition, [batch])
        if (!result?.appended) throw new Error(`${key} from ${after + 1} was not appended`)
        positions.set(key, after + rows.length)
        appended.push(...(await newest(sql, eventLog, partition, rows.length)))
      }
      return appended
    },
    async settle(running) {
      do {
        for (const projection of running.projections ?? []) await catchUp(projection)
      } while ((await relay()) > 0)
      for (const projection of running.projections ?? []) await catchUp(projection)
    },
    async entries(kind) {
      const all: LogEntry[] = []
      for (let partition = 0; partition < 8; partition++)
        all.push(...(await eventLog.read(partition, 0, 5_000)))
      return kind === undefined ? all : all.filter((it) => it.kind === kind)
    },
    onClient: others.handle,
    async close() {
      await others.close()
      await bus.close()
      await sql.end({ timeout: 2 })
      if (!options.database) await database.drop()
    },
  }
}

function connectionTo(url: string): Sql {
  if (CONNECTION === 'direct') return createDirectConnection(url, 'test')
  if (CONNECTION === 'pool') return createPool({ url, size: 4, name: 'test' })
  const pooler = Object.assign(new URL(url), { hostname: '127.0.0.1', port: process.env.TEST_POOLER })
  return createPool({ url: pooler.href, size: 4, name: 'test', pooled: true })
}

/** A valid configuration on free ports. */
export function testConfig(databaseUrl: string, env: Record<string, string> = {}): Config {
  const free = Object.fromEntries(TARGETS.map((it) => [`${it.toUpperCase().replaceAll('-', '_')}_PORT`, '0']))
  return readConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: databaseUrl,
    SERVICE_KEY: TEST_SERVICE_KEY,
    BROKER_PORT: '0',
    ...free,
    ...env,
  })
}

/** Headers with which a service's routes let a test in. */
export const testHeaders = (tenantId = 'default'): Record<string, string> => ({
  'x-switchyard-service-key': TEST_SERVICE_KEY,
  'x-switchyard-tenant': tenantId,
  'x-switchyard-actor': 'test',
})

// biome-ignore lint/suspicious/noExplicitAny: any resource of the API
export type Ask = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: any }>

/** Requests to a service's routes as another target makes them: JSON in, status and JSON out. */
export function askOf({ routes }: RunningService): Ask {
  return async (method, path, body) => {
    const response = await routes!.request(path, {
      method,
      headers: { ...testHeaders(), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
}

/** Facts that follow each other in one stream, together: they are one batch of their site. */
function runsOf(drafts: readonly FactDraft[]): { stream: Stream; facts: FactDraft[] }[] {
  const runs: { stream: Stream; facts: FactDraft[] }[] = []
  for (const draft of drafts) {
    const stream = streamOf(draft.kind)
    const last = runs.at(-1)
    if (last?.stream === stream) last.facts.push(draft)
    else runs.push({ stream, facts: [draft] })
  }
  return runs
}

async function newest(
  sql: Sql,
  eventLog: ServiceContext['eventLog'],
  partition: number,
  count: number,
): Promise<LogEntry[]> {
  const [head] = await sql<
    { position: number }[]
  >`select position from log.head where partition = ${partition}`
  return eventLog.read(partition, (head?.position ?? count) - count, count)
}

/** A real HTTP server that stands for the other targets, told apart by the first level of the path. */
async function startOthers() {
  let handler: ((target: TargetName, request: Request) => Promise<Response> | Response) | undefined
  const { createAdaptorServer } = await import('@hono/node-server')
  const server = createAdaptorServer({
    fetch: (request: Request) => {
      if (!handler) return new Response(null, { status: 503 })
      const url = new URL(request.url)
      const [, target = '', ...rest] = url.pathname.split('/')
      return handler(
        target as TargetName,
        new Request(new URL(`/${rest.join('/')}${url.search}`, url), request),
      )
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    urlOf: (target: TargetName) => `http://127.0.0.1:${port}/${target}`,
    handle(next: typeof handler) {
      handler = next
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
