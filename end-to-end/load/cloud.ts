/** The cloud with every service a process of its own, on a database of its own, on loopback. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePorts } from '../../launcher/free-ports.mjs'
import { Api } from '../src/api.ts'
import { migrate } from '../src/migrate.ts'
import { listens, mosquittoBinary, startMosquitto } from '../src/mosquitto.ts'
import { eventually, Program } from '../src/process.ts'
import { redisCommand } from '../src/redis-server.ts'

const MAIN = new URL('../../cloud/dist/main.js', import.meta.url).pathname
/** In the order in which they start. */
export const TARGETS = [
  'station-service',
  'driver-service',
  'billing-service',
  'monitoring-service',
  'site-gateway',
  'ocpp-gateway',
  'api-gateway',
] as const
/** Seven programs start at once, on a machine that may have other work. */
const START_TIMEOUT_MS = 240_000
export type Target = (typeof TARGETS)[number]

export interface Cloud {
  api: Api
  apiKey: string
  services: ReadonlyMap<Target, { program: Program; url: string }>
  broker: { url: string; name: string; pid: number | undefined }
  databaseUrl: string
  /** Settings that every service is started with. */
  env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** Servers that the cloud runs on. */
export interface Servers {
  /** A Postgres where databases may be made. */
  postgres: string
  /** A Redis that is there already, or the program of one. */
  redis: { url: string } | { program: string }
}

export async function startCloud({ postgres: server, redis }: Servers): Promise<Cloud> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-load-'))
  const undo: (() => Promise<unknown> | unknown)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
  ]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  // Whoever ends this ends what it started, and the database goes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)))
  try {
    const name = `load_${randomBytes(6).toString('hex')}`
    await administer(server, `create database ${name}`)
    undo.push(() => administer(server, `drop database if exists ${name} with (force)`))
    const databaseUrl = urlOf(server, name)
    const [brokerPort, redisPort, ...ports] = await freePorts(2 + TARGETS.length)
    const secret = (file: string, value: string) => {
      const path = join(directory, file)
      writeFileSync(path, value, { mode: 0o600 })
      return path
    }
    const mosquitto = mosquittoBinary()
      ? await startMosquitto(join(directory, 'mosquitto'), brokerPort!)
      : undefined
    if (mosquitto) undo.push(() => mosquitto.stop())
    if ('program' in redis) undo.push(await startRedis(redis.program, directory, redisPort!))
    const redisUrl = 'url' in redis ? redis.url : `redis://127.0.0.1:${redisPort}`
    const apiKey = `sk_${randomBytes(24).toString('base64url')}`
    const env: Record<string, string> = {
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      DATABASE_URL_FILE: secret('database-url', databaseUrl),
      SERVICE_KEY_FILE: secret('service-key', randomBytes(24).toString('base64url')),
      BOOTSTRAP_API_KEY_FILE: secret('api-key', apiKey),
      // The load is one client, which the limit is made against.
      API_RATE_LIMIT: '0',
      REDIS_URL: redisUrl,
      REDIS_KEY_PREFIX: `${name}:`,
    }
    for (const [i, target] of TARGETS.entries()) {
      env[setting(target, 'PORT')] = String(ports[i])
      env[setting(target, 'URL')] = `http://127.0.0.1:${ports[i]}`
    }
    await migrate(MAIN, env, START_TIMEOUT_MS)
    const services = new Map<Target, { program: Program; url: string }>()
    for (const [i, target] of TARGETS.entries()) {
      const program = new Program(
        target,
        [process.execPath, '--enable-source-maps', MAIN, `--target=${target}`],
        {
          ...env,
          ...(target === 'site-gateway'
            ? { BROKER_PORT: String(brokerPort), ...mosquitto?.cloudEnv(secret) }
            : {}),
        },
      )
      program.start()
      undo.push(() => program.stop())
      services.set(target, { program, url: `http://127.0.0.1:${ports[i]}` })
    }
    await Promise.all([...services.values()].map(({ program, url }) => ready(program, url)))
    return {
      api: new Api(services.get('api-gateway')!.url, apiKey),
      apiKey,
      services,
      broker: {
        url: `mqtt://127.0.0.1:${brokerPort}`,
        name: mosquitto ? 'Mosquitto' : 'the embedded broker (in site-gateway)',
        pid: mosquitto?.program.pid,
      },
      databaseUrl,
      env,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** `station-service`, `PORT` -> `STATION_SERVICE_PORT`. */
export function setting(target: Target, what: 'PORT' | 'URL'): string {
  return `${target.toUpperCase().replaceAll('-', '_')}_${what}`
}

export function urlOf(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).toString()
}

/** One statement on the server's own database, e.g. `create database`. */
export async function administer(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } catch (error) {
    throw new Error(`the Postgres server refused "${statement}"`, { cause: error })
  } finally {
    await sql.end()
  }
}

/** Gives up at once when the program ends. */
export async function ready(program: Program, url: string): Promise<void> {
  const came = await eventually(
    `${program.name} to be ready`,
    async () => !program.running || (await fetch(`${url}/ready`)).ok,
    START_TIMEOUT_MS,
  )
  if (!came || !program.running)
    throw new Error(`${program.name} ended:\n${program.output.slice(-30).join('\n')}`)
}

/** One that keeps nothing; gives how to stop it. */
async function startRedis(binary: string, directory: string, port: number): Promise<() => Promise<void>> {
  const program = new Program('redis', redisCommand(binary, directory, port), {})
  program.start()
  await eventually('Redis to listen', () => {
    if (!program.running) throw new Error(program.output.join('\n'))
    return listens(port)
  })
  return () => program.stop()
}
