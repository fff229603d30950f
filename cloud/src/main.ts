/** The cloud in one program: `--target=all` (or a list), `--list-targets`, `--verify-config`, `--new-generation`, `migrate`. */
import { readFileSync } from 'node:fs'
import { setTimeout as timePasses } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { NotConfirmed, newGeneration } from './new-generation.ts'
import { systemClock, systemRandom } from './platform/clock.ts'
import { type Config, ConfigError, readConfig } from './platform/config.ts'
import { unknownNames } from './platform/config-safety.ts'
import { watchGeneration } from './platform/generation-watch.ts'
import { createLog, faultOf } from './platform/log.ts'
import { createMemoryBus } from './platform/memory-bus.ts'
import { migrationStatus, toldStatus } from './platform/migration-status.ts'
import { DAYS_AHEAD, type MigrationSource, migrate } from './platform/migrations.ts'
import { PoolerError } from './platform/pooler.ts'
import { isTransient } from './platform/postgres.ts'
import { createRedisBus } from './platform/redis-bus.ts'
import { type RunningTarget, startTarget } from './platform/run-target.ts'
import type { TargetName } from './platform/service.ts'
import { migrationSources, selectTargets, type Target, targets } from './targets.ts'

/** The package lies one folder up from the source and from the bundle alike. */
const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
/** How long a start waits for a database that is not up yet. */
const DATABASE_DEADLINE_MS = 60_000
const DATABASE_RETRY_MS = 500
/** The part of SHUTDOWN_DEADLINE_MS for connections that are kept alive: half a second, in which a busy one is asked again and told that it ends. */
const LINGER = 0.05
/** How often the days ahead of the log are looked after. */
const UPKEEP_INTERVAL_MS = 3_600_000
/** Exit code of a process that must begin anew (EX_TEMPFAIL); whoever started it starts it again. */
const RESTORED_EXIT = 75

async function main(): Promise<void> {
  const { values, command } = readArguments(process.argv.slice(2))
  if (values.help) return print(HELP)
  if (values['list-targets']) return print(targets.map((it) => it.name).join('\n'))
  const unknown = unknownNames(Object.keys(process.env))
  const { selected, config } = verified(values.target, process.env, values['verify-config'] ? unknown : [])
  if (values['verify-config']) return print('The configuration is valid.')
  const root = createLog(config.logLevel)
  const log = root.child({ service: command.startsWith('migrate') ? 'migrate' : ownName(selected) })
  if (unknown.length > 0) log.warn({ unknown }, 'the environment names settings that there are not')
  if (values['new-generation']) {
    await migrateWhenUp(config, migrationSources(targets), log)
    return print(
      `Generation ${await newGeneration(config.databaseDirectUrl, values.confirm, log)} has begun.`,
    )
  }
  if (command === 'migrate deploy') return void (await migrateWhenUp(config, migrationSources(targets), log))
  if (command === 'migrate status') return tellStatus(config)
  await run(config, selected, root, log)
}

/** As which a process speaks of itself; each of its targets has a name of its own. */
function ownName(selected: readonly Target[]): string {
  return selected.length === 1 ? selected[0]!.name : 'cloud'
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        target: { type: 'string', default: 'all' },
        'list-targets': { type: 'boolean' },
        'verify-config': { type: 'boolean' },
        'new-generation': { type: 'boolean' },
        confirm: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    const [command = 'run', ...more] = positionals
    if (command === 'migrate' && more.length <= 1 && ['deploy', 'status'].includes(more[0] ?? 'deploy'))
      return { values, command: more[0] === 'status' ? 'migrate status' : 'migrate deploy' }
    if (more.length === 0 && command === 'run') return { values, command }
    throw new Error(
      `${positionals.join(' ')}: the commands are run (the default), migrate deploy and migrate status`,
    )
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${HELP}`)
  }
}

/** Ends with 1 where something is to be done: a deployment asks before it begins. */
async function tellStatus(config: Config): Promise<void> {
  const all = await migrationStatus(config.databaseDirectUrl, migrationSources(targets))
  print(toldStatus(all))
  if (all.some((it) => it.state === 'pending' || it.state === 'changed')) process.exitCode = 1
}

/** The program was called wrongly; the message says how it is called. */
class UsageError extends Error {}

const HELP = `switchyard cloud [run] [--target=all | name,name,...] [--list-targets] [--verify-config]
switchyard cloud migrate deploy | status                     status ends with 1 where something is pending or changed
switchyard cloud --new-generation [--confirm=GENERATION]    after a restore that is not noticed by itself`

/** `root` is for the targets, which name themselves in their lines; `log` for the process. */
async function run(config: Config, selected: readonly Target[], root: Logger, log: Logger): Promise<void> {
  const instance = systemRandom.uuid()
  const traces = await exportTraces(config, selected, instance)
  await migrateWhenUp(config, migrationSources(selected), log)
  const bus = config.redisUrl
    ? await createRedisBus({ url: config.redisUrl, prefix: config.redisKeyPrefix, clock: systemClock, log })
    : createMemoryBus({ clock: systemClock, log })
  const running: RunningTarget[] = []
  const parts = {
    config,
    log: root,
    bus,
    clock: systemClock,
    random: systemRandom,
    instance,
    version: VERSION,
    urlOf: (target: TargetName) =>
      config.urls[target] ??
      running.find((it) => it.name === target)?.url ??
      `http://127.0.0.1:${config.ports[target]}`,
  }
  let stopping = false
  const stop = async (code: number): Promise<void> => {
    if (stopping) return
    stopping = true
    const cut = setTimeout(() => process.exit(code || 1), config.shutdownDeadlineMs + 1_000)
    cut.unref()
    const lingerMs = (config.shutdownDeadlineMs * LINGER) / Math.max(1, running.length)
    // The last started first: the api-gateway stops asking the services before they turn anybody away.
    for (const target of running.splice(0).reverse()) {
      await target.turnAway(lingerMs)
      await target.stop(config.shutdownDeadlineMs * (1 - LINGER))
    }
    await bus.close()
    await traces()
    log.info('stopped')
    process.exitCode = code
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      log.info({ signal }, 'stopping')
      void stop(0)
    })
  }
  try {
    for (const target of selected) {
      running.push(await startTarget(await target.load(), parts))
      if (stopping) return
    }
  } catch (error) {
    await stop(1)
    throw error
  }
  upkeep(log, running)
  watch(log, running, () => void stop(RESTORED_EXIT))
  log.info({ targets: selected.map((it) => it.name), instance, version: VERSION }, 'up')
}

/** Returns how to send what waits. Without tracing nothing of it is loaded. */
async function exportTraces(
  { tracing }: Config,
  selected: readonly Target[],
  instance: string,
): Promise<() => Promise<void>> {
  if (!tracing) return async () => {}
  const { startTracing } = await import('@switchyard/tracing/start-tracing.ts')
  const service = selected.length === 1 && selected[0] ? selected[0].name : 'cloud'
  return startTracing({ ...tracing, service, version: VERSION, instance })
}

/** Migrations at start, waiting for a database that is only coming up. */
async function migrateWhenUp(config: Config, sources: MigrationSource[], log: Logger): Promise<void> {
  const until = systemClock.mono() + DATABASE_DEADLINE_MS
  for (;;) {
    try {
      await migrate(config.databaseDirectUrl, sources, log, { pooled: config.databasePooled })
      return
    } catch (error) {
      if (!isTransient(error) || systemClock.mono() > until) throw error
      log.info({ reason: (error as Error).message }, 'the database is not up yet')
      // Nothing else keeps the process alive yet.
      await timePasses(DATABASE_RETRY_MS)
    }
  }
}

/** Makes the log's days ahead of time, for as long as the process runs. */
function upkeep(log: Logger, running: readonly RunningTarget[]): void {
  systemClock.after(UPKEEP_INTERVAL_MS, () => {
    const sql = running[0]?.context.sql
    if (!sql) return
    sql`select log.make_partitions(${DAYS_AHEAD}), log.forget_produced()`
      .catch((error: Error) =>
        log.warn(faultOf(error), 'the upkeep of the log failed; it is tried again in an hour'),
      )
      .finally(() => upkeep(log, running))
  })
}

/** Ends the process when the database turns out to be a restored one, for as long as it runs. */
function watch(log: Logger, running: readonly RunningTarget[], changed: () => void): void {
  const [first] = running
  if (!first) return
  const { sql, eventLog } = first.context
  watchGeneration({ sql, clock: systemClock, log, generation: eventLog.generation, changed })
}

/** Targets and configuration. Throws ConfigError naming everything that is wrong with either, and with the two together, beside what is known already. */
function verified(
  target: string,
  env: NodeJS.ProcessEnv,
  known: readonly string[],
): { selected: readonly Target[]; config: Config } {
  const problems = [...known]
  const selected = problemsInto(problems, () => selectTargets(target))
  const config = problemsInto(problems, () => readConfig(env))
  if (selected && config) problems.push(...wrongTogether(config, selected))
  if (!selected || !config || problems.length > 0) throw new ConfigError(problems)
  return { selected, config }
}

function problemsInto<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}

/** What is wrong only for this choice of targets. */
function wrongTogether(config: Config, selected: readonly Target[]): string[] {
  const problems: string[] = []
  if (selected.length < targets.length && !config.redisUrl)
    problems.push(
      'REDIS_URL: is needed when not all targets run in this one process (wake-ups and live pictures)',
    )
  if (
    selected.some((it) => it.name === 'site-gateway') &&
    !config.mqtt.url &&
    config.mqtt.sharedSubscriptions
  )
    problems.push('MQTT_SHARED_SUBSCRIPTIONS: needs MQTT_URL; the embedded broker serves one process')
  return problems
}

/** Errors whose message is for the operator, without a stack. */
const TOLD = [ConfigError, UsageError, NotConfirmed, PoolerError]

function print(text: string): void {
  console.log(text)
}

main().catch((error: Error) => {
  // A wrong configuration or a taken port is the operator's to read; anything else needs its stack.
  const taken = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
  const told = taken || TOLD.some((it) => error instanceof it)
  console.error(told ? error.message : (error.stack ?? error.message))
  process.exit(1)
})
