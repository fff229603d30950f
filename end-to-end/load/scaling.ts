/**
 * How fast the log is read by 1, 2 and 4 replicas of its consumers on one database. Facts are put into the log while none of them
 * runs; each number of replicas then reads the same log, on a copy of the database, from the moment at which all of them are there.
 */
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import postgres, { type Sql } from 'postgres'
import { freePorts } from '../../launcher/free-ports.mjs'
import { databaseCpuSeconds } from '../bench/cpu.ts'
import { cpuSeconds } from '../bench/server-process.ts'
import { yard } from '../bench/yard.ts'
import { eventually, Program } from '../src/process.ts'
import {
  administer,
  type Cloud,
  ready,
  type Servers,
  setting,
  startCloud,
  type Target,
  urlOf,
} from './cloud.ts'
import { furnish, mostBehind } from './run.ts'
import { connectSites } from './sites.ts'
import { machine } from './watch.ts'

const REPLICAS = [1, 2, 4]
/** The services that read the log most: one process of a replica holds all three. */
const CONSUMERS: readonly Target[] = ['station-service', 'billing-service', 'monitoring-service']
/** As their cursors are named. */
const NAMES = CONSUMERS.map((it) => it.replace('-service', ''))
const SITES = 64
const STATIONS = 20
const READ_TIMEOUT_MS = 600_000
const LOOK_EVERY_MS = 50
/** How long cursors are kept at a time. */
const HOLD_MS = 250

export async function scaling(facts: number, servers: Servers): Promise<boolean> {
  const { postgres: server } = servers
  const cloud = await startCloud(servers)
  try {
    await fill(cloud, facts)
    for (const replicas of REPLICAS) {
      const database = new URL(cloud.databaseUrl).pathname.slice(1)
      const copy = `${database}_${replicas}`
      await administer(server, `create database ${copy} template ${database}`)
      try {
        await read(cloud, urlOf(server, copy), copy, replicas)
      } finally {
        await administer(server, `drop database if exists ${copy} with (force)`)
      }
    }
  } finally {
    await cloud.stop()
  }
  return true
}

/** Ends with all services stopped: a database is copied only while nobody is connected to it. */
async function fill(cloud: Cloud, facts: number): Promise<void> {
  await furnish(cloud)
  const sites = await connectSites(cloud, SITES)
  const sql = postgres(cloud.databaseUrl, { max: 1, onnotice: () => {} })
  await eventually('the cloud to know its sites', async () => (await mostBehind(sql)) === 0)
  for (const target of CONSUMERS) await cloud.services.get(target)!.program.stop()
  await Promise.all(
    sites.map(async (site) => {
      let sent = 0
      for (const minute of yard(site.siteId, STATIONS)) {
        for (const stream of STREAMS) {
          if (minute[stream].length > 0) await site.send(stream, minute[stream])
          sent += minute[stream].length
        }
        if (sent >= facts / SITES) break
      }
      await site.end()
    }),
  )
  // A copy is not what its original was: without this it would be taken for a restored one.
  await sql`update log.generation set identity = null`
  for (const { program } of cloud.services.values()) await program.stop()
  await sql.end()
}

async function read(cloud: Cloud, databaseUrl: string, copy: string, replicas: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
  const programs: Program[] = []
  try {
    const ports = await freePorts(replicas * CONSUMERS.length)
    const { DATABASE_URL_FILE: _, ...shared } = cloud.env
    const cpu = async () => ({
      services: programs.reduce((sum, it) => sum + cpuSeconds(it.pid!), 0),
      database: await databaseCpuSeconds(sql),
    })
    const { before, facts } = await held(sql, async () => {
      await Promise.all(
        Array.from({ length: replicas }, async (_, i) => {
          const env: Record<string, string> = { ...shared, DATABASE_URL: databaseUrl }
          env.REDIS_KEY_PREFIX = `${copy}:`
          for (const [k, target] of CONSUMERS.entries())
            env[setting(target, 'PORT')] = String(ports[i * CONSUMERS.length + k])
          const main = new URL('../../cloud/dist/main.js', import.meta.url).pathname
          const program = new Program(
            `replica ${i + 1}`,
            [process.execPath, '--enable-source-maps', main, `--target=${CONSUMERS.join(',')}`],
            env,
          )
          programs.push(program)
          program.start()
          for (const target of CONSUMERS)
            await ready(program, `http://127.0.0.1:${env[setting(target, 'PORT')]}`)
        }),
      )
      return { before: await cpu(), facts: await behind(sql) }
    })
    // From when the cursors are let go, not from the first that moves: by then much of the work is done. They look every second.
    const from = performance.now()
    await until(async () => (await behind(sql)) === 0)
    const seconds = (performance.now() - from) / 1_000
    const after = await cpu()
    const micros = (it: 'services' | 'database') => Math.round(((after[it] - before[it]) * 1e6) / facts)
    const cores = (after.services + after.database - before.services - before.database) / seconds
    console.log(
      `${replicas} ${replicas === 1 ? 'replica' : 'replicas'} of ${CONSUMERS.join(', ')}: ${facts} facts in ${seconds.toFixed(1)} s, ${(facts / seconds).toFixed(0)} facts/s; ` +
        `CPU per fact: services ${micros('services')} us, Postgres ${micros('database')} us; ${cores.toFixed(1)} cores in use (${machine()})`,
    )
  } finally {
    for (const it of programs) await it.stop()
    await sql.end()
  }
}

/** Keeps the cursors, which workers pass over while somebody has them, until `work` is done; lets go now and then, for who starts and looks where it is. */
async function held<T>(sql: Sql, work: () => Promise<T>): Promise<T> {
  let over = false
  const holding = (async () => {
    while (!over)
      await sql.begin(async (tx) => {
        await tx`select from log.cursor for update skip locked`
        await pause(HOLD_MS)
      })
  })()
  try {
    return await work()
  } finally {
    over = true
    await holding
  }
}

async function until(look: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READ_TIMEOUT_MS
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`the log was not read within ${READ_TIMEOUT_MS / 1_000} s`)
    await pause(LOOK_EVERY_MS)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** As mostBehind, of the consumers that run. */
async function behind(sql: Sql): Promise<number> {
  const [lag] = await sql<{ n: number }[]>`
    select coalesce(max(behind), 0)::int as n from (
      select sum(h.position - c.position) as behind from log.head h join log.cursor c using (partition)
       where c.consumer = any(${NAMES}) group by c.consumer) it`
  return lag!.n
}
