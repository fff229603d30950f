/**
 * One configuration for all targets, from the environment. Every X may also be given as X_FILE, a file that holds the value
 * (for secrets). All wrong values are named at once; nothing else reads the environment.
 */
import { readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import type { z } from 'zod'
import { unsafeValues } from './config-safety.ts'
import { type HostPort, readHostPorts } from './host-port.ts'
import { readNetworks } from './http/peer-address.ts'
import { TARGETS, type TargetName } from './service.ts'
import { envName, MAX_TLS_ENDPOINTS, settings } from './settings.ts'

export interface Config {
  readonly nodeEnv: 'development' | 'production' | 'test'
  /** Told in /health beside the version. */
  readonly buildId: string
  readonly logLevel: string
  readonly bindAddress: string
  /** Of targets that listen elsewhere than the others. */
  readonly bindAddresses: Readonly<Partial<Record<TargetName, string>>>
  readonly ports: Readonly<Record<TargetName, number>>
  /** Where other targets are, without a trailing slash; only those that were given. */
  readonly urls: Readonly<Partial<Record<TargetName, string>>>
  readonly poolSizes: Readonly<Record<TargetName, number>>
  readonly databaseUrl: string
  /** Without a pooler in between: for what holds a lock of its session. */
  readonly databaseDirectUrl: string
  /** `databaseUrl` leads through a pooler in transaction mode: another one is given for the direct way. */
  readonly databasePooled: boolean
  /** Undefined: reports are read from the primary. */
  readonly databaseReplica: { readonly url: string; readonly maxLagMs: number } | undefined
  readonly redisUrl: string | undefined
  readonly redisKeyPrefix: string
  readonly mqtt: {
    /** Undefined: the embedded broker. */
    readonly url: string | undefined
    readonly username: string
    readonly password: string | undefined
    /** Who administers the broker's dynamic security; undefined: the broker's accounts are kept by hand. */
    readonly adminUsername: string | undefined
    readonly adminPassword: string | undefined
    readonly sharedSubscriptions: boolean
  }
  /** The embedded broker. */
  readonly broker: { readonly port: number; readonly bindAddress: string }
  /** Services know each other by this. */
  readonly serviceKey: string
  /** Made at first start, when given. */
  readonly bootstrap: {
    readonly apiKey: string | undefined
    readonly operatorEmail: string | undefined
    readonly operatorPassword: string | undefined
  }
  /** Requests of one API key or operator per minute; 0: no limit. */
  readonly apiRateLimit: number
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: BlockList
  readonly dashboardDir: string | undefined
  /** ISO 15118: where contract certificates come from, and whether OCSP responders may have private addresses. */
  readonly iso15118: {
    readonly contractCertificateUrl: string | undefined
    readonly v2gCaUrl: string | undefined
    readonly ocspPrivateAddresses: boolean
  }
  /** Stations that one ocpp-gateway has controllers for; a further one is refused with 503 and finds another replica. */
  readonly ocppMaxStations: number
  /** A proxy in front of ocpp-gateway ends TLS: what comes in counts as having come over it (security profile 2). */
  readonly ocppBehindTls: boolean
  /** Heartbeat interval told to stations at boot, seconds (OCPP BootNotification.conf). */
  readonly ocppHeartbeatIntervalS: number
  readonly enableMetrics: boolean
  /** Undefined: no traces are exported. */
  readonly tracing: { readonly url: string; readonly ratio: number } | undefined
  /** How long a site may be unheard of before an alert is raised, ms. */
  readonly siteOfflineAlertMs: number
  /** How long sessions may wait in review before an alert is raised. */
  readonly reviewWaitingAlertDays: number
  /** Where the cloud itself speaks TLS, and shows certificates that end. */
  readonly tlsEndpoints: readonly HostPort[]
  readonly shutdownDeadlineMs: number
}

/** The configuration is wrong; `problems` names every value that is. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`configuration:\n${problems.map((it) => `  ${it}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Who gives the first needs the second. */
const TOGETHER = [
  ['MQTT_URL', 'MQTT_PASSWORD'],
  ['MQTT_ADMIN_USERNAME', 'MQTT_ADMIN_PASSWORD'],
  ['BOOTSTRAP_OPERATOR_EMAIL', 'BOOTSTRAP_OPERATOR_PASSWORD'],
  ['BOOTSTRAP_OPERATOR_PASSWORD', 'BOOTSTRAP_OPERATOR_EMAIL'],
] as const

/** Reads the configuration from an environment. Throws ConfigError naming everything that is wrong. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const given: Record<string, string> = {}
  for (const name of Object.keys(settings.shape)) {
    const value = read(env, name, problems)
    if (value !== undefined && value !== '') given[name] = value
  }
  const parsed = settings.safeParse(given)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0])
      if (problems.some((it) => it.startsWith(`${name}_FILE:`))) continue
      problems.push(`${name}: ${given[name] === undefined ? 'is needed' : issue.message}`)
    }
  }
  for (const [name, other] of TOGETHER) {
    if (
      given[name] !== undefined &&
      given[other] === undefined &&
      !problems.some((it) => it.startsWith(other))
    )
      problems.push(`${other}: is needed with ${name} (also as ${other}_FILE)`)
  }
  problems.push(...unsafeValues(given))
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  return freeze(parsed.data)
}

function freeze(it: z.infer<typeof settings>): Config {
  const urls: Partial<Record<TargetName, string>> = {}
  for (const target of TARGETS) {
    const given = it[envName(target, 'URL')] as string | undefined
    if (given) urls[target] = given.replace(/\/+$/, '')
  }
  const bindAddresses: Partial<Record<TargetName, string>> = {}
  for (const target of TARGETS) {
    const given = it[envName(target, 'BIND_ADDRESS')] as string | undefined
    if (given) bindAddresses[target] = given
  }
  return Object.freeze({
    nodeEnv: it.NODE_ENV,
    buildId: it.BUILD_ID,
    logLevel: it.LOG_LEVEL,
    bindAddress: it.BIND_ADDRESS,
    bindAddresses: Object.freeze(bindAddresses),
    ports: Object.freeze(pick(it, 'PORT')),
    urls: Object.freeze(urls),
    poolSizes: Object.freeze(pick(it, 'POOL_SIZE')),
    databaseUrl: it.DATABASE_URL,
    databaseDirectUrl: it.DATABASE_DIRECT_URL ?? it.DATABASE_URL,
    databasePooled: it.DATABASE_DIRECT_URL !== undefined && it.DATABASE_DIRECT_URL !== it.DATABASE_URL,
    databaseReplica:
      it.DATABASE_REPLICA_URL === undefined
        ? undefined
        : Object.freeze({ url: it.DATABASE_REPLICA_URL, maxLagMs: it.DATABASE_REPLICA_MAX_LAG_MS }),
    redisUrl: it.REDIS_URL,
    redisKeyPrefix: it.REDIS_KEY_PREFIX,
    mqtt: Object.freeze({
      url: it.MQTT_URL,
      username: it.MQTT_USERNAME,
      password: it.MQTT_PASSWORD,
      adminUsername: it.MQTT_ADMIN_USERNAME,
      adminPassword: it.MQTT_ADMIN_PASSWORD,
      sharedSubscriptions: it.MQTT_SHARED_SUBSCRIPTIONS,
    }),
    broker: Object.freeze({ port: it.BROKER_PORT, bindAddress: it.BROKER_BIND_ADDRESS }),
    serviceKey: it.SERVICE_KEY,
    bootstrap: Object.freeze({
      apiKey: it.BOOTSTRAP_API_KEY,
      operatorEmail: it.BOOTSTRAP_OPERATOR_EMAIL,
      operatorPassword: it.BOOTSTRAP_OPERATOR_PASSWORD,
    }),
    apiRateLimit: it.API_RATE_LIMIT,
    trustedProxies: readNetworks(it.TRUSTED_PROXIES ?? '') ?? new BlockList(),
    dashboardDir: it.DASHBOARD_DIR,
    iso15118: Object.freeze({
      contractCertificateUrl: it.CONTRACT_CERTIFICATE_URL,
      v2gCaUrl: it.V2G_CA_URL,
      ocspPrivateAddresses: it.OCSP_PRIVATE_ADDRESSES,
    }),
    ocppMaxStations: it.OCPP_MAX_STATIONS,
    ocppBehindTls: it.OCPP_BEHIND_TLS,
    ocppHeartbeatIntervalS: it.OCPP_HEARTBEAT_INTERVAL,
    enableMetrics: it.ENABLE_METRICS,
    tracing: it.ENABLE_TRACING
      ? Object.freeze({ url: it.OTEL_EXPORTER_OTLP_ENDPOINT, ratio: it.TRACE_RATIO })
      : undefined,
    siteOfflineAlertMs: it.SITE_OFFLINE_ALERT_MS,
    reviewWaitingAlertDays: it.REVIEW_WAITING_ALERT_DAYS,
    tlsEndpoints: Object.freeze(readHostPorts(it.TLS_ENDPOINTS ?? '', MAX_TLS_ENDPOINTS) ?? []),
    shutdownDeadlineMs: it.SHUTDOWN_DEADLINE_MS,
  })
}

/** The value itself, or what the file named by X_FILE holds, without its last line break. */
function read(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  problems: string[],
): string | undefined {
  const file = env[`${name}_FILE`]
  if (!file) return env[name]
  if (env[name]) {
    problems.push(`${name}_FILE: ${name} is given too; give one of them`)
    return undefined
  }
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    problems.push(`${name}_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return undefined
  }
}

function pick(values: Record<string, unknown>, suffix: string): Record<TargetName, number> {
  return Object.fromEntries(TARGETS.map((it) => [it, values[envName(it, suffix)]])) as Record<
    TargetName,
    number
  >
}
