/**
 * The cloud as it runs in production: every target a process of its own, in two replicas, on real servers. Every TCP link of
 * every process passes through a fault proxy: to Postgres, to Redis, to the broker, and, over a balancer, to the other services.
 */
import { randomBytes } from 'node:crypto'
import { createTcpProxy, type TcpProxy } from '@switchyard/simulators/faults/tcp-proxy.ts'
import { migrate } from '../src/migrate.ts'
import type { Secret } from '../src/mosquitto.ts'
import type { Clocks } from './clocks.ts'
import { Kept, type KeptOptions } from './kept.ts'
import { databaseUrl } from './servers.ts'

const MAIN = new URL('../../cloud/dist/main.js', import.meta.url).pathname
export const TARGETS = [
  'site-gateway',
  'station-service',
  'driver-service',
  'billing-service',
  'monitoring-service',
  'ocpp-gateway',
  'api-gateway',
] as const
type Target = (typeof TARGETS)[number]
const REPLICAS = 2
/** Ports that the replicas listen on. */
export const CLOUD_PORTS = TARGETS.length * REPLICAS
const MIGRATION_TIMEOUT_MS = 60_000

export interface CloudOptions {
  ports: readonly number[]
  postgresPort: number
  redisPort: number
  brokerPort: number
  /** Settings of the broker, by the way at the URL that is given. */
  brokerEnv(secret: Secret, url: string): Record<string, string>
  secret: Secret
  clocks: Clocks
  common: Pick<KeptOptions, 'logs' | 'onUnexpected'>
}

export interface Replica {
  target: Target
  kept: Kept
  port: number
}

export interface Cloud {
  replicas: readonly Replica[]
  /** By name, e.g. `billing-service-2 to postgres`. */
  links: ReadonlyMap<string, TcpProxy>
  apiUrl: string
  apiKey: string
}

/** Makes the database ready, then the replicas and their links; the replicas are not started. `undo` takes what is to be closed. */
export async function makeCloud(
  options: CloudOptions,
  undo: (step: () => Promise<unknown>) => void,
): Promise<Cloud> {
  const { postgresPort, redisPort, brokerPort, secret } = options
  const links = new Map<string, TcpProxy>()
  const link = async (name: string, ports: readonly number[]) => {
    const proxy = await createTcpProxy({ target: ports.map((port) => ({ host: '127.0.0.1', port })) })
    links.set(name, proxy)
    undo(() => proxy.close())
    return proxy.port
  }
  const apiKey = `sk_${randomBytes(24).toString('base64url')}`
  const shared: Record<string, string> = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    SERVICE_KEY_FILE: secret('service-key', randomBytes(24).toString('base64url')),
    BOOTSTRAP_API_KEY_FILE: secret('api-key', apiKey),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    DATABASE_URL_FILE: secret('database-url', databaseUrl(postgresPort)),
  }
  const portsOf = (target: Target) => TARGETS.flatMap((it, i) => (it === target ? replicaPorts(i) : []))
  const replicaPorts = (at: number) => options.ports.slice(at * REPLICAS, (at + 1) * REPLICAS)
  for (const target of TARGETS) {
    const port = await link(`services to ${target}`, portsOf(target))
    shared[`${target.toUpperCase().replaceAll('-', '_')}_URL`] = `http://127.0.0.1:${port}`
  }
  await migrate(MAIN, shared, MIGRATION_TIMEOUT_MS)

  const replicas: Replica[] = []
  for (const target of TARGETS) {
    for (const [i, port] of portsOf(target).entries()) {
      const name = `${target}-${i + 1}`
      const database = databaseUrl(await link(`${name} to postgres`, [postgresPort]))
      const env: Record<string, string> = {
        ...shared,
        ...options.clocks.of(name),
        DATABASE_URL_FILE: secret(`database-url-${name}`, database),
        REDIS_URL: `redis://127.0.0.1:${await link(`${name} to redis`, [redisPort])}`,
        [`${target.toUpperCase().replaceAll('-', '_')}_PORT`]: String(port),
      }
      if (target === 'site-gateway') {
        const broker = await link(`${name} to broker`, [brokerPort])
        Object.assign(env, options.brokerEnv(secret, `mqtt://127.0.0.1:${broker}`))
        env.MQTT_SHARED_SUBSCRIPTIONS = 'true'
      }
      const command = [process.execPath, MAIN, `--target=${target}`]
      replicas.push({ target, port, kept: new Kept({ ...options.common, name, command, env }) })
    }
  }
  return { replicas, links, apiKey, apiUrl: `${shared.API_GATEWAY_URL}` }
}
