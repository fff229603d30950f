import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Flags } from '../flags.mjs'
import type { Home } from './home.ts'
import type { SecretFiles } from './secrets.ts'

/** Everything a child's environment is made from. */
export type Setting = {
  project: string
  flags: Flags
  home: Home
  files: SecretFiles
  operatorEmail: string
  /** What the user's own environment says: log level, external servers. */
  outer: NodeJS.ProcessEnv
}

/** Three-phase 63 A: a simulated site of six stations in which load management has something to do. Of a site of the user's own only the user knows it. */
const SITE_LIMIT_MA = 63_000
/** Often enough that a newcomer sees power and energy move. */
const METER_SAMPLE_S = 10
export const SIMULATED_STATIONS = 6
const LOOPBACK = '127.0.0.1'
const EVERYWHERE = '0.0.0.0'

export const SITE_ID = 'demo'

/** Contract certificates and OCSP are there when they are asked for (docs/iso15118.md). */
const CERTIFICATES_OF_CARS = ['CONTRACT_CERTIFICATE_URL', 'V2G_CA_URL', 'OCSP_PRIVATE_ADDRESSES']

/** What the cloud program reads (cloud/src/platform/config.ts is the source of these names). */
export function cloudEnvironment({
  project,
  flags,
  files,
  operatorEmail,
  outer,
}: Setting): NodeJS.ProcessEnv {
  const { ports } = flags
  return {
    ...passedOn(outer),
    NODE_ENV: 'development',
    BIND_ADDRESS: LOOPBACK,
    // The services behind it are nobody's business on the network.
    API_GATEWAY_BIND_ADDRESS: flags.lan ? EVERYWHERE : LOOPBACK,
    OCPP_GATEWAY_BIND_ADDRESS: flags.lan ? EVERYWHERE : LOOPBACK,
    API_GATEWAY_PORT: String(ports.api),
    STATION_SERVICE_PORT: String(ports.station),
    DRIVER_SERVICE_PORT: String(ports.driver),
    BILLING_SERVICE_PORT: String(ports.billing),
    MONITORING_SERVICE_PORT: String(ports.monitoring),
    OCPP_GATEWAY_PORT: String(ports['ocpp-gateway']),
    SITE_GATEWAY_PORT: String(ports['site-gateway']),
    DATABASE_URL_FILE: files.databaseUrl,
    ...(isExternal('MQTT_URL', outer)
      ? pick(outer, EXTERNAL_BROKER)
      : { BROKER_PORT: String(ports.broker), BROKER_BIND_ADDRESS: LOOPBACK }),
    ...pick(outer, ['REDIS_URL', 'REDIS_URL_FILE', ...CERTIFICATES_OF_CARS]),
    SERVICE_KEY_FILE: files.serviceKey,
    BOOTSTRAP_API_KEY_FILE: files.apiKey,
    BOOTSTRAP_OPERATOR_EMAIL: operatorEmail,
    BOOTSTRAP_OPERATOR_PASSWORD_FILE: files.operatorPassword,
    DASHBOARD_DIR: join(project, 'cloud', 'dashboard', 'dist'),
  }
}

/** Security profiles 2 and 3 are there when they are asked for (docs/security-profiles.md). */
const TLS_FOR_STATIONS = [
  'OCPP_TLS_PORT',
  'OCPP_TLS_CERT_FILE',
  'OCPP_TLS_KEY_FILE',
  'OCPP_TLS_SECOND_CERT_FILE',
  'OCPP_TLS_SECOND_KEY_FILE',
  'OCPP_TLS_CIPHERS',
  'OCPP_TLS_HOSTNAMES',
  'OCPP_TLS_CLIENT_CA_FILE',
  'OCPP_TLS_CRL_FILE',
  'SITE_CA_DIR',
  'CERTIFICATE_ORGANIZATION',
  'CERTIFICATE_RENEW_DAYS',
]

/** What the site controller reads (edge-controller/src/config.ts is the source of these names). */
export function controllerEnvironment({ flags, home, files, outer }: Setting): NodeJS.ProcessEnv {
  const { ports } = flags
  return {
    ...passedOn(outer),
    SITE_ID,
    MQTT_URL: externalValue('MQTT_URL', outer) ?? `mqtt://${LOOPBACK}:${ports.broker}`,
    MQTT_USERNAME: SITE_ID,
    MQTT_PASSWORD_FILE: files.siteMqttPassword,
    JOURNAL_FILE: home.journal,
    OCPP_PORT: String(ports.ocpp),
    OCPP_BIND_ADDRESS: flags.lan ? EVERYWHERE : LOOPBACK,
    ...pick(outer, TLS_FOR_STATIONS),
    // Absent without FILES_PORT (docs/files.md).
    ...pick(outer, ['FILES_PORT', 'FILES_URL', 'FILES_MAX_MB']),
    FILES_BIND_ADDRESS: flags.lan ? EVERYWHERE : LOOPBACK,
    FILES_CLOUD_URL: `http://${LOOPBACK}:${ports['site-gateway']}`,
    PANEL_PORT: String(ports.controller),
    PANEL_BIND_ADDRESS: LOOPBACK,
    // On loopback only this machine can knock; from a network an operator says who may come in.
    ONBOARDING: flags.lan ? 'approve' : 'open',
    ...pick(outer, ['ONBOARDING']),
    METER_SAMPLE_INTERVAL: String(METER_SAMPLE_S),
    ...(flags.simulator ? { SITE_LIMIT_MA: String(SITE_LIMIT_MA) } : {}),
    ...pick(outer, ['SITE_LIMIT_MA']),
    SITE_TIME_ZONE: localTimeZone(),
  }
}

export function simulatorArguments({ flags, home, files }: Setting): string[] {
  return [
    'site',
    '--url',
    `ws://${LOOPBACK}:${flags.ports.ocpp}/ocpp`,
    '--stations',
    String(SIMULATED_STATIONS),
    '--ledger',
    join(home.simulator, 'ledger.jsonl'),
    '--state',
    home.simulator,
    '--password-file',
    files.simulatorPassword,
    ...(flags.speed === 1 ? [] : ['--speed', String(flags.speed)]),
    ...(flags.replay === undefined ? [] : ['--replay', flags.replay]),
  ]
}

/** What the cloud needs to know of a broker that is not the embedded one. */
const EXTERNAL_BROKER = [
  'MQTT_URL',
  'MQTT_USERNAME',
  'MQTT_PASSWORD',
  'MQTT_ADMIN_USERNAME',
  'MQTT_ADMIN_PASSWORD',
].flatMap((it) => [it, `${it}_FILE`])

/** Whether the user's environment replaces an embedded part, by the value itself or by a file that holds it. */
export function isExternal(name: 'DATABASE_URL' | 'MQTT_URL', outer: NodeJS.ProcessEnv): boolean {
  return Boolean(outer[name] || outer[`${name}_FILE`])
}

/** The value that replaces an embedded part. */
export function externalValue(
  name: 'DATABASE_URL' | 'MQTT_URL',
  outer: NodeJS.ProcessEnv,
): string | undefined {
  const file = outer[`${name}_FILE`]
  return outer[name] || (file ? readFileSync(file, 'utf8').trim() : undefined)
}

const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'TZ',
  'TMPDIR',
  'LOG_LEVEL',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'ENABLE_METRICS',
  'OCPP_HEARTBEAT_INTERVAL',
]

function pick(outer: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.filter((it) => outer[it]).map((it) => [it, outer[it]]))
}

/** What every child gets of the user's environment: what Node and the tools of the system need, and nothing of npm's. */
export function passedOn(outer: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return pick(outer, PASSED_ON)
}

export function localTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}
