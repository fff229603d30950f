/** Everything of a run: servers, cloud, sites, and the links between them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TcpProxy } from '@switchyard/simulators/faults/tcp-proxy.ts'
import postgres, { type Sql } from 'postgres'
import { Api } from '../src/api.ts'
import { listens, prepareMosquitto } from '../src/mosquitto.ts'
import { eventually, Program } from '../src/process.ts'
import { type Clocks, makeClocks } from './clocks.ts'
import { CLOUD_PORTS, makeCloud, type Replica, TARGETS } from './cloud.ts'
import { endDisk, mountDisk } from './disks.ts'
import { Kept } from './kept.ts'
import type { Topology } from './plan.ts'
import { lastingPorts } from './ports.ts'
import { databaseUrl, makePostgres, makeRedis, type PostgresProgram } from './servers.ts'
import { makeSite, type Site } from './site.ts'

const SITES = 3
/** The first site's journal lies on a disk of this size, which a fault may fill. */
const DISK_MB = 96
/** The database's disk: a fresh cluster takes 60 MB, and each round one or two. */
const DATABASE_DISK_MB = 384
const SIMULATORS = new URL('../../simulators/dist/main.js', import.meta.url).pathname
const START_TIMEOUT_MS = 120_000

export interface WorldOptions {
  postgres: PostgresProgram
  redisBinary: string
  /** Where to begin to look for free ports. */
  portsFrom: number
  say(line: string): void
}

export interface World {
  folder: string
  topology: Topology
  /** Every process that faults hit, by name. */
  processes: ReadonlyMap<string, Kept>
  links: ReadonlyMap<string, TcpProxy>
  replicas: readonly Replica[]
  sites: readonly Site[]
  redisPort: number
  /** Folder of the database's disk. */
  databaseDisk: string
  clocks: Clocks
  api: Api
  /** Past every fault proxy. */
  sql: Sql
  /** What ended though nobody made it, since the last look. */
  unexpected: string[]
  /** Sites whose controller's journal is fenced, with when that was seen first (monotonic ms). */
  fencedSince: Map<string, number>
  /** Ends everything; with `keep` the folder stays, with the journals in it. */
  stop(keep: boolean): Promise<void>
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-chaos-'))
  // The database runs as another user where this one is root.
  chmodSync(folder, 0o711)
  const steps: ((keep: boolean) => Promise<unknown> | unknown)[] = [
    (keep) => keep || rmSync(folder, { recursive: true, force: true }),
  ]
  const undo = (step: (keep: boolean) => Promise<unknown> | unknown) => void steps.push(step)
  const stop = async (keep: boolean) => {
    for (const step of steps.splice(0).reverse())
      await Promise.resolve(step(keep)).catch((error: Error) => options.say(`cleaning up: ${error.message}`))
  }
  try {
    return await build(folder, options, undo, stop)
  } catch (error) {
    await stop(true)
    throw new Error(`the system did not start; its logs are in ${join(folder, 'logs')}`, { cause: error })
  }
}

async function build(
  folder: string,
  options: WorldOptions,
  undo: (step: (keep: boolean) => Promise<unknown> | unknown) => void,
  stop: World['stop'],
): Promise<World> {
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  const unexpected: string[] = []
  const canMount = process.getuid?.() === 0
  const common = { logs, onUnexpected: (name: string, how: string) => void unexpected.push(`${name} ${how}`) }
  const secrets = join(folder, 'secrets')
  mkdirSync(secrets)
  const secret = (name: string, value: string) => {
    const file = join(secrets, name)
    writeFileSync(file, value, { mode: 0o600 })
    return file
  }
  const [postgresPort = 0, redisPort = 0, brokerPort = 0, ...ports] = await lastingPorts(
    3 + CLOUD_PORTS + 2 * SITES,
    options.portsFrom,
  )
  const clocks = makeClocks(join(folder, 'clocks'))
  if (clocks.missing !== undefined)
    options.say(`no clock is put wrong: that is a C library, and cc does not make it (${clocks.missing})`)
  if (!canMount) options.say('no disk is filled: mounting one needs root')
  const processes = new Map<string, Kept>()
  const run = async (kept: Kept, port: number) => {
    processes.set(kept.name, kept)
    undo(() => kept.stop())
    kept.start()
    await eventually(`${kept.name} to listen`, () => listens(port), START_TIMEOUT_MS)
  }
  const url = databaseUrl(postgresPort)
  const databaseDisk = join(folder, 'postgres')
  if (canMount) {
    mountDisk(databaseDisk, DATABASE_DISK_MB)
    undo((keep) => endDisk(databaseDisk, keep))
  }
  await run(makePostgres(options.postgres, databaseDisk, postgresPort, common), postgresPort)
  const sql = postgres(url, { max: 2, onnotice: () => {}, connect_timeout: 5 })
  undo(() => sql.end({ timeout: 1 }))
  await eventually('Postgres to answer', async () => (await sql`select 1`).length, START_TIMEOUT_MS)
  await run(makeRedis(options.redisBinary, join(folder, 'redis'), redisPort, common), redisPort)
  const mosquitto = prepareMosquitto(join(folder, 'broker'), brokerPort)
  await run(new Kept({ ...common, name: 'broker', command: mosquitto.command, env: {} }), brokerPort)

  options.say('cloud: fourteen processes, two of each target')
  const cloud = await makeCloud(
    {
      ports: ports.splice(0, CLOUD_PORTS),
      postgresPort,
      redisPort,
      brokerPort,
      brokerEnv: mosquitto.cloudEnv,
      secret,
      clocks,
      common,
    },
    undo,
  )
  for (const { kept } of cloud.replicas) {
    processes.set(kept.name, kept)
    undo(() => kept.stop())
    kept.start()
  }
  for (const replica of cloud.replicas)
    await eventually(`${replica.kept.name} to be ready`, () => isReady(replica), START_TIMEOUT_MS)
  const api = new Api(cloud.apiUrl, cloud.apiKey)
  for (const token of await simulatedTokens()) await api.post('/api/v1/tokens', token)

  const sites: Site[] = []
  const links = new Map(cloud.links)
  const fullable: string[] = []
  for (let n = 1; n <= SITES; n++) {
    const siteFolder = join(folder, `site-${n}`)
    const journalFolder = join(siteFolder, 'journal')
    mkdirSync(journalFolder, { recursive: true })
    if (n === 1 && canMount) {
      mountDisk(journalFolder, DISK_MB)
      fullable.push(`site-${n}`)
      undo((keep) => endDisk(journalFolder, keep))
    }
    const [ocppPort = 0, panelPort = 0] = ports.splice(0, 2)
    const site = await makeSite(
      { n, folder: siteFolder, journalFolder, ocppPort, panelPort, brokerPort, api, secret, clocks, common },
      undo,
    )
    undo(() => site.stop())
    sites.push(site)
    processes.set(site.controller.name, site.controller)
    for (const [name, link] of site.links) links.set(name, link)
    site.controller.start()
  }
  for (const { siteId } of sites)
    await eventually(
      `${siteId} to be online`,
      async () => (await api.sites()).find((it) => it.siteId === siteId)?.online,
      START_TIMEOUT_MS,
    )
  return {
    folder,
    topology: topologyOf(processes, links, sites, {
      fullable,
      databaseFullable: canMount,
      steppable: clocks.missing === undefined,
    }),
    processes,
    links,
    replicas: cloud.replicas,
    sites,
    redisPort,
    databaseDisk,
    clocks,
    api,
    sql,
    unexpected,
    fencedSince: new Map(),
    stop,
  }
}

export async function isReady({ port }: Replica): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(3_000) })
  return response.ok
}

async function simulatedTokens(): Promise<object[]> {
  const program = new Program('tokens', [process.execPath, SIMULATORS, 'tokens'], {})
  program.start()
  await eventually('the simulated tokens', () => !program.running && program.output.length > 0)
  return JSON.parse(program.output.join('\n')) as object[]
}

/** Classes of equal chance: whatever there are many of (replicas, their links) is not hit the more for it. */
function topologyOf(
  processes: World['processes'],
  links: World['links'],
  sites: readonly Site[],
  able: { fullable: readonly string[]; databaseFullable: boolean; steppable: boolean },
): Topology {
  const named = (all: Iterable<string>, pattern: RegExp) => [...all].filter((it) => pattern.test(it))
  return {
    processes: [
      named(processes.keys(), /^controller-/),
      named(processes.keys(), /^site-gateway-/),
      named(processes.keys(), /^(station|driver|billing|monitoring)-service-|^(api|ocpp)-gateway-/),
    ],
    links: [
      named(links.keys(), /^stations to /),
      named(links.keys(), /^controller-\d+ to broker$/),
      named(links.keys(), /^site-gateway-\d to broker$/),
      named(links.keys(), / to postgres$/),
      named(links.keys(), / to redis$/),
      named(links.keys(), /^services to /),
    ],
    sites: sites.map((it) => it.siteId),
    fullable: able.fullable,
    databaseFullable: able.databaseFullable,
    clocks: able.steppable
      ? [named(processes.keys(), /^controller-/), named(processes.keys(), /-(service|gateway)-\d$/)]
      : [],
    replicated: TARGETS,
    services: TARGETS.filter((it) => it !== 'ocpp-gateway'),
  }
}
