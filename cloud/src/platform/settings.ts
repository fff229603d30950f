/**
 * Every setting of the cloud, with what it means: docs/configuration.md is made from here. Names are those of the environment;
 * each may also be given as NAME_FILE, a file that holds the value.
 */
import { z } from 'zod'
import { readHostPorts } from './host-port.ts'
import { readNetworks } from './http/peer-address.ts'
import { readRedisAddress } from './redis-address.ts'
import { TARGETS, type TargetName } from './service.ts'

/** Port of each target when nothing else is said. */
export const DEFAULT_PORTS: Record<TargetName, number> = {
  'api-gateway': 3000,
  'station-service': 3001,
  'driver-service': 3002,
  'billing-service': 3003,
  'monitoring-service': 3004,
  'ocpp-gateway': 4000,
  'site-gateway': 4001,
}
/** Most connections of each target's pool: the budget of one process per target, 34 together. */
export const DEFAULT_POOL_SIZES: Record<TargetName, number> = {
  'api-gateway': 4,
  'station-service': 6,
  'driver-service': 4,
  'billing-service': 5,
  'monitoring-service': 4,
  'ocpp-gateway': 4,
  'site-gateway': 7,
}
/** Most TLS endpoints that monitoring-service looks at. */
export const MAX_TLS_ENDPOINTS = 16
/** Off MQTT's own 1883, so that a broker of the machine is left alone. */
export const DEFAULT_BROKER_PORT = 18830

const port = z.coerce.number().int().min(0).max(65_535)
const count = (smallest: number, largest: number) => z.coerce.number().int().min(smallest).max(largest)
const flag = z.enum(['true', 'false', '1', '0']).transform((it) => it === 'true' || it === '1')
const text = z.string().min(1)
const url = (...schemes: string[]) =>
  z.string().refine((it) => URL.canParse(it) && schemes.includes(new URL(it).protocol), {
    message: `must be a URL with ${schemes.join(' or ')}`,
  })

export const settings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('production')
    .describe('production refuses what is unsafe beyond one machine of your own (below).'),
  BUILD_ID: z
    .string()
    .regex(/^[\w.+-]{1,64}$/, 'at most 64 letters, digits, and . + - _')
    .default('development')
    .describe('Which build runs, told in `/health` beside the version; the image sets it.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('What is logged, to standard output, as JSON.'),
  BIND_ADDRESS: text.default('127.0.0.1').describe('Where all targets of the process listen.'),
  ...perTarget('BIND_ADDRESS', () =>
    text
      .optional()
      .describe('Where this target listens, when not where the others do: only the public face on 0.0.0.0.'),
  ),
  ...perTarget('PORT', (target) =>
    port.default(DEFAULT_PORTS[target]).describe('Its port; 0: one that is free.'),
  ),
  ...perTarget('URL', () =>
    url('http:', 'https:')
      .optional()
      .describe('Where other targets reach it; absent: in this process, or on this machine at its port.'),
  ),
  ...perTarget('POOL_SIZE', (target) =>
    count(1, 500).default(DEFAULT_POOL_SIZES[target]).describe('Most Postgres connections of one replica.'),
  ),
  ...perTarget('REPLICAS', () =>
    count(0, 1_000).default(1).describe('How many replicas are run; only the budget of connections asks.'),
  ),
  DATABASE_URL: url('postgres:', 'postgresql:').describe(
    'Postgres 15 or later; through a pooler (PgBouncer) in transaction mode where DATABASE_DIRECT_URL is another.',
  ),
  DATABASE_DIRECT_URL: url('postgres:', 'postgresql:')
    .optional()
    .describe(
      'The same database without a pooler in between: migrations hold a lock of the session. Absent: DATABASE_URL, which then is direct itself.',
    ),
  DATABASE_REPLICA_URL: url('postgres:', 'postgresql:')
    .optional()
    .describe(
      'A streaming replica, from which lists of CDRs and invoices are read; through a pooler where DATABASE_URL is. Absent: the primary.',
    ),
  DATABASE_REPLICA_MAX_LAG_MS: count(100, 600_000)
    .default(5_000)
    .describe(
      'How much older than the primary such a list may be, milliseconds; beyond it, and without the replica, the primary is read.',
    ),
  DATABASE_MAX_CONNECTIONS: count(1, 100_000)
    .optional()
    .describe(
      'What the server (or pooler) allows: the pools of all replicas must fit. Absent: not checked here.',
    ),
  REDIS_URL: z
    .string()
    .refine((it) => readRedisAddress(it) !== undefined, {
      message:
        'must be redis://host:port, or redis+sentinel://host:port,host:port/master (rediss: and rediss+sentinel: with TLS)',
    })
    .optional()
    .describe(
      'Redis, or its Sentinels as `redis+sentinel://host:port,host:port/master`. Needed with more than one process.',
    ),
  REDIS_KEY_PREFIX: z.string().max(64).default('switchyard:').describe('Before every key and channel.'),
  MQTT_URL: url('mqtt:', 'mqtts:', 'tcp:', 'ssl:', 'ws:', 'wss:')
    .optional()
    .describe('The broker; absent: the embedded one, in site-gateway.'),
  MQTT_USERNAME: text.default('cloud').describe('Account of site-gateway at the broker.'),
  MQTT_PASSWORD: text.optional().describe('Its password; needed with MQTT_URL.'),
  MQTT_ADMIN_USERNAME: text
    .optional()
    .describe(
      "Administers the broker's dynamic security, so that sites get accounts by themselves; absent: kept by hand.",
    ),
  MQTT_ADMIN_PASSWORD: text.optional().describe('Its password.'),
  MQTT_SHARED_SUBSCRIPTIONS: flag
    .prefault('false')
    .describe('Replicas of site-gateway share what sites send (`$share`); needs MQTT_URL.'),
  ALLOW_PLAIN_MQTT: flag
    .prefault('false')
    .describe('The way to the broker needs no TLS, as it never leaves a network of your own.'),
  BROKER_PORT: port.default(DEFAULT_BROKER_PORT).describe('Port of the embedded broker.'),
  BROKER_BIND_ADDRESS: text.default('127.0.0.1').describe('Where the embedded broker listens.'),
  SERVICE_KEY: z
    .string()
    .min(16, 'at least 16 characters')
    .describe('By which services know each other: the same for all.'),
  BOOTSTRAP_API_KEY: z
    .string()
    .min(16, 'at least 16 characters')
    .optional()
    .describe('An API key of the first tenant, made at the first start.'),
  BOOTSTRAP_OPERATOR_EMAIL: z.email().optional().describe('The first operator, made at the first start.'),
  BOOTSTRAP_OPERATOR_PASSWORD: z
    .string()
    .min(8, 'at least 8 characters')
    .optional()
    .describe("The first operator's password."),
  API_RATE_LIMIT: count(0, 10_000_000)
    .default(12_000)
    .describe('Requests that one API key or operator may make in a minute, over all replicas; 0: no limit.'),
  TRUSTED_PROXIES: z
    .string()
    .refine((it) => readNetworks(it) !== undefined, {
      message: 'must be addresses or networks (10.0.0.0/8), separated by commas',
    })
    .optional()
    .describe(
      'Addresses and networks of proxies before api-gateway, whose `X-Forwarded-For` says where a sign-in comes from; absent: nobody is believed.',
    ),
  DASHBOARD_DIR: text.optional().describe('The built dashboard, which api-gateway serves; absent: none.'),
  CONTRACT_CERTIFICATE_URL: url('http:', 'https:')
    .optional()
    .describe('Who makes contract certificates for cars ([ISO 15118](iso15118.md)); absent: nobody does.'),
  V2G_CA_URL: url('http:', 'https:')
    .optional()
    .describe('Who signs what stations show to cars ([ISO 15118](iso15118.md)); absent: nobody does.'),
  OCSP_PRIVATE_ADDRESSES: flag
    .prefault('false')
    .describe(
      'OCSP responders and lists of revoked certificates in private networks may be asked too: stations name them.',
    ),
  OCPP_MAX_STATIONS: count(1, 20_000)
    .default(2_000)
    .describe('Stations of one ocpp-gateway; a further one gets 503 and finds another replica.'),
  OCPP_BEHIND_TLS: flag
    .prefault('false')
    .describe(
      'A proxy in front of ocpp-gateway ends TLS: what comes in counts as having come over it (security profile 2).',
    ),
  OCPP_HEARTBEAT_INTERVAL: count(10, 86_400)
    .default(300)
    .describe('Seconds, told to stations of ocpp-gateway at boot.'),
  ENABLE_METRICS: flag.prefault('true').describe('`/metrics` is served.'),
  ENABLE_TRACING: flag
    .prefault('false')
    .describe('Traces are exported over OTLP/HTTP ([observability](observability.md#traces)).'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:')
    .default('http://127.0.0.1:4318')
    .describe('Base of the collector; spans go to its `/v1/traces`.'),
  TRACE_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the traces that begin here and are exported.'),
  SITE_OFFLINE_ALERT_MS: count(1_000, 86_400_000)
    .default(20_000)
    .describe(
      'How long a site may be unheard of before an alert, milliseconds; no sooner than it counts as offline, after 20 s.',
    ),
  REVIEW_WAITING_ALERT_DAYS: count(1, 365)
    .default(3)
    .describe('How long sessions may wait in review before an alert.'),
  TLS_ENDPOINTS: z
    .string()
    .refine((it) => readHostPorts(it, MAX_TLS_ENDPOINTS) !== undefined, {
      message: `must be host:port, separated by commas, at most ${MAX_TLS_ENDPOINTS}`,
    })
    .optional()
    .describe(
      `Where the cloud itself speaks TLS (\`host:port\`, separated by commas, at most ${MAX_TLS_ENDPOINTS}): monitoring-service looks every five minutes when the certificates there end. Absent: nowhere.`,
    ),
  SHUTDOWN_DEADLINE_MS: count(100, 600_000)
    .default(10_000)
    .describe('How long a stop waits for what is under way, milliseconds.'),
})

/** Values that are never told: in errors, tables or logs. */
export const SECRETS: readonly (keyof typeof settings.shape)[] = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_REPLICA_URL',
  'REDIS_URL',
  'MQTT_URL',
  'MQTT_PASSWORD',
  'MQTT_ADMIN_PASSWORD',
  'SERVICE_KEY',
  'BOOTSTRAP_API_KEY',
  'BOOTSTRAP_OPERATOR_PASSWORD',
]

/** `station-service`, `PORT` -> `STATION_SERVICE_PORT`. */
type EnvName<S extends string> =
  `${'API_GATEWAY' | 'STATION_SERVICE' | 'DRIVER_SERVICE' | 'BILLING_SERVICE' | 'MONITORING_SERVICE' | 'OCPP_GATEWAY' | 'SITE_GATEWAY'}_${S}`
export function envName<S extends string>(target: TargetName, suffix: S): EnvName<S> {
  return `${target.toUpperCase().replaceAll('-', '_')}_${suffix}` as EnvName<S>
}

function perTarget<S extends string, T extends z.ZodType>(
  suffix: S,
  of: (target: TargetName) => T,
): Record<EnvName<S>, T> {
  return Object.fromEntries(TARGETS.map((it) => [envName(it, suffix), of(it)])) as Record<EnvName<S>, T>
}
