/**
 * The controller's configuration: a JSON file (SWITCHYARD_CONFIG) under the environment, read once into one frozen object.
 * Keys of the file are the environment's names. Every MQTT_PASSWORD may stand in MQTT_PASSWORD_FILE.
 */

import { readFileSync } from 'node:fs'
import { DEFAULT_MAX_POWER_W } from '@switchyard/protocol/billing/plausible.ts'
import { SITE_ID_PATTERN } from '@switchyard/protocol/site/topics.ts'
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)
const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
  .transform((it) => it === true || it === 'true' || it === '1')
const seconds = (smallest: number, largest: number) => z.coerce.number().int().min(smallest).max(largest)
const milliampere = z.coerce.number().int().min(0).max(10_000_000)
const address = z.string().min(1)

const MQTT_SCHEMES = ['mqtt:', 'mqtts:', 'tcp:', 'ssl:', 'tls:', 'ws:', 'wss:']
const mqttUrl = z.string().refine((it) => URL.canParse(it) && MQTT_SCHEMES.includes(new URL(it).protocol), {
  message: 'must be a URL with mqtt:, mqtts:, ws: or wss:',
})
const httpUrl = z.string().refine((it) => URL.canParse(it) && /^https?:$/.test(new URL(it).protocol), {
  message: 'must be a URL with https: or http:',
})
const timeZone = z.string().refine(isTimeZone, { message: 'is no IANA time zone, such as Europe/Berlin' })

export const settings = z.object({
  SITE_ID: z
    .string()
    .regex(SITE_ID_PATTERN, 'letters, digits, - and _, at most 63')
    .describe('Which site this is: the same as in the cloud.'),
  MQTT_URL: mqttUrl
    .optional()
    .describe(
      "The cloud's broker. Absent: the site runs by itself, and its journal grows until a cloud is given.",
    ),
  MQTT_USERNAME: z.string().min(1).optional().describe('Absent: the site id.'),
  MQTT_PASSWORD: z.string().min(1).optional().describe("The site's secret, also as MQTT_PASSWORD_FILE."),
  JOURNAL_FILE: z
    .string()
    .min(1)
    .default('journal.db')
    .describe("The site's journal, a SQLite database: on a disk that keeps what is synced."),
  OCPP_PORT: port.default(9000).describe('Stations come here without TLS (security profiles 0 and 1).'),
  OCPP_BIND_ADDRESS: address.default('127.0.0.1').describe('Where OCPP listens.'),
  OCPP_TLS_PORT: port
    .optional()
    .describe('TLS for stations, security profiles 2 and 3; absent: none. 9443 is usual.'),
  OCPP_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("Certificate chain of the controller, PEM; absent: by the site's own CA."),
  OCPP_TLS_KEY_FILE: z.string().min(1).optional().describe('Its key, PEM.'),
  OCPP_TLS_SECOND_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A second chain beside it, for a key of the other kind (RSA beside an elliptic curve), PEM: each station is shown the one that it knows. The own CA makes both.',
    ),
  OCPP_TLS_SECOND_KEY_FILE: z.string().min(1).optional().describe('Its key, PEM.'),
  OCPP_TLS_CIPHERS: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Suites of TLS 1.2, by OpenSSL's names, with colons; absent: those that OCPP asks for, and others with forward secrecy and authenticated encryption.",
    ),
  OCPP_TLS_HOSTNAMES: z
    .string()
    .min(1)
    .default('localhost,127.0.0.1')
    .describe(
      "Names and addresses by which stations reach the controller, with commas: the certificate by the site's CA is for them.",
    ),
  OCPP_TLS_CLIENT_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Further CAs whose certificates stations may have (their maker's), PEM; the site's own is trusted anyway.",
    ),
  OCPP_TLS_CRL_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('Revoked certificates of stations, PEM: one list of every CA that is trusted.'),
  SITE_CA_DIR: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of the site's CA, made with it; absent: `ca` beside the journal."),
  CERTIFICATE_ORGANIZATION: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe(
      "What certificates of stations must name as their organization; absent: any, and the site's id in what the CA signs.",
    ),
  CERTIFICATE_RENEW_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(300)
    .default(30)
    .describe('Days before its end that the certificate of a station is renewed.'),
  OCPP_MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1_000)
    .describe('Most connections of stations at a time.'),
  OCPP_HEARTBEAT_INTERVAL: seconds(10, 86_400).default(300).describe('Seconds, told to stations at boot.'),
  OCPP_PING_INTERVAL: seconds(0, 3_600)
    .default(30)
    .describe('Seconds between WebSocket pings, both ways; 0: none.'),
  FILES_PORT: port
    .optional()
    .describe('Stations upload logs and diagnostics here, over HTTP; absent: the site takes none.'),
  FILES_BIND_ADDRESS: address.default('127.0.0.1').describe('Where it listens.'),
  FILES_URL: httpUrl
    .optional()
    .describe(
      'How stations reach FILES_PORT, e.g. through a proxy with TLS; absent: http at the address by which they came.',
    ),
  FILES_DIR: z.string().min(1).optional().describe('Absent: `files` beside the journal.'),
  FILES_MAX_MB: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(512)
    .describe('Bound of what waits there for the cloud.'),
  FILES_CLOUD_URL: httpUrl
    .refine((it) => !URL.canParse(it) || isPrivate(new URL(it)), {
      message: 'must be https: the secret of the site goes with each request (http only on loopback)',
    })
    .optional()
    .describe(
      "site-gateway, to which files go; absent: they stay at the site. The site's secret is sent, so https unless on loopback.",
    ),
  PANEL_PORT: port.default(8080).describe('The panel, `/health` and `/metrics`.'),
  PANEL_BIND_ADDRESS: address.default('127.0.0.1').describe('Where the panel listens.'),
  ONBOARDING: z
    .enum(['open', 'approve', 'closed'])
    .default('approve')
    .describe(
      'What becomes of a station that nobody has named: open takes it in, approve holds it pending, closed refuses it.',
    ),
  SITE_LIMIT_MA: milliampere
    .optional()
    .describe('mA per phase for all chargers together; absent: load control sends nothing, and says so.'),
  CHARGING_PLAN: z
    .enum(['earliest', 'spread'])
    .default('earliest')
    .describe(
      'How the share of a session is used whose car tells energy and departure ([ISO 15118](iso15118.md)): as early as it allows, or spread until departure.',
    ),
  FAILSAFE_MA: milliampere
    .default(6_000)
    .describe('mA per phase that a charger falls back to when it hears nothing more.'),
  SITE_TIME_ZONE: timeZone.default('UTC').describe('IANA time zone of the site.'),
  METERING_BASELINE: flag.prefault(true).describe('Stations are told what to measure, and how often.'),
  METER_SAMPLE_INTERVAL: seconds(1, 3_600).default(60).describe('Seconds between meter values of a session.'),
  MAX_CONNECTOR_POWER_W: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(10_000_000)
    .default(DEFAULT_MAX_POWER_W)
    .describe("Plausibility bound of a connector whose station's document does not tell, watts."),
  OFFLINE_POLICY: z
    .enum(['accept', 'refuse'])
    .default('refuse')
    .describe('What becomes of a token that nobody knows while there is no link.'),
  JOURNAL_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_650)
    .default(30)
    .describe('How long acknowledged rows are kept, for a cloud that is restored from a backup.'),
  JOURNAL_RETENTION_MB: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(4_096)
    .describe('They are kept only while the journal is no larger than this.'),
  JOURNAL_MAX_MB: z.coerce
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .optional()
    .describe('Bound of the journal and its reserve; absent: the disk is the bound.'),
  JOURNAL_BACKUP_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Backups of the journal are made here, best on another disk; absent: none is. SIGUSR2 asks for one more.',
    ),
  JOURNAL_BACKUP_HOURS: z.coerce
    .number()
    .int()
    .min(1)
    .max(720)
    .default(24)
    .describe('Hours between two backups.'),
  JOURNAL_BACKUPS: z.coerce.number().int().min(1).max(100).default(7).describe('How many are kept.'),
  BUILD_ID: z
    .string()
    .regex(/^[\w.+-]{1,64}$/, 'at most 64 letters, digits, and . + - _')
    .default('development')
    .describe('Which build runs, told in `/health` beside the version; the image sets it.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('What is logged, to standard output, as JSON.'),
  ENABLE_METRICS: flag.prefault(true).describe('`/metrics` is served by the panel.'),
  ENABLE_TRACING: flag
    .prefault('false')
    .describe('Traces are exported over OTLP/HTTP ([observability](observability.md#traces)).'),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl
    .default('http://127.0.0.1:4318')
    .describe('Base of the collector; spans go to its `/v1/traces`.'),
  TRACE_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the messages of stations whose trace is exported.'),
  TRANSCRIPT_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('Every OCPP frame is recorded into files here; absent: none is.'),
  SHUTDOWN_DEADLINE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('How long a stop waits for what is under way, milliseconds.'),
})

export type Config = Readonly<z.infer<typeof settings>>

/** Everything that is wrong with the configuration, one line each. */
export class ConfigFault extends Error {
  override name = 'ConfigFault'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`the configuration is wrong:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/** Throws ConfigFault, which names all mistakes at once. An empty value counts as absent. */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const faults: string[] = []
  const given: Record<string, unknown> = { ...fromFile(environment.SWITCHYARD_CONFIG, faults) }
  for (const name of Object.keys(settings.shape)) {
    const value = environment[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  const passwordFile = environment.MQTT_PASSWORD_FILE || given.MQTT_PASSWORD_FILE
  delete given.MQTT_PASSWORD_FILE
  if (typeof passwordFile === 'string') {
    if (given.MQTT_PASSWORD !== undefined)
      faults.push('MQTT_PASSWORD and MQTT_PASSWORD_FILE: only one of them')
    else given.MQTT_PASSWORD = read(passwordFile, 'MQTT_PASSWORD_FILE', faults)?.trim()
  }
  const parsed = settings.strict().safeParse(given)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      if (issue.code === 'unrecognized_keys')
        for (const key of issue.keys) faults.push(`${key}: there is no such setting`)
      else
        faults.push(
          `${issue.path.join('.')}: ${given[String(issue.path[0])] === undefined ? 'is missing' : issue.message}`,
        )
    }
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigFault(faults)
  return Object.freeze(parsed.data)
}

function fromFile(path: string | undefined, faults: string[]): object {
  if (!path) return {}
  const text = read(path, 'SWITCHYARD_CONFIG', faults)
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    faults.push(`SWITCHYARD_CONFIG: ${path} is no JSON object`)
  } catch (error) {
    faults.push(`SWITCHYARD_CONFIG: ${path}: ${(error as Error).message}`)
  }
  return {}
}

function read(path: string, name: string, faults: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    faults.push(`${name}: ${(error as Error).message}`)
    return undefined
  }
}

function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
