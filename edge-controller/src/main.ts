/** The site controller as it runs on the box: the whole assembly on one screen. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hostnamesOf, siteUrl } from './certificates/site-urls.ts'
import { SystemClock } from './clock.ts'
import { type Config, ConfigFault, loadConfig } from './config.ts'
import { type Files, openFiles } from './files/files.ts'
import { randomId } from './ids.ts'
import { Backups } from './journal/backup.ts'
import { WorkerJournal } from './journal/worker-journal.ts'
import { createLog } from './log.ts'
import { SPOKEN_VERSIONS } from './ocpp/modules.ts'
import { listenOcpp, type OcppServer } from './ocpp/server.ts'
import { openPanel } from './panel/panel.ts'
import { systemRandom as random } from './random.ts'
import { createSiteController } from './site-controller.ts'
import { MqttBroker } from './sync/mqtt-broker.ts'
import { openTranscripts } from './transcripts.ts'
import { VERSION } from './version.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

const config = configured()
const siteId = config.SITE_ID
const log = createLog(config.LOG_LEVEL)
const clock = new SystemClock()
process.once('uncaughtException', (error) => fail('an error that nobody expected', error))
process.once('unhandledRejection', (error) => fail('an error that nobody expected', error))

const endTraces = config.ENABLE_TRACING ? await exportTraces() : undefined

mkdirSync(dirname(config.JOURNAL_FILE), { recursive: true })
const journal = new WorkerJournal({
  file: config.JOURNAL_FILE,
  newJournalId: randomId(random),
  maxBytes: config.JOURNAL_MAX_MB === undefined ? undefined : config.JOURNAL_MAX_MB * MIB,
  onFailure: (error) => fail('the journal failed, nothing more can be made durable', error),
})
const transcripts = config.TRANSCRIPT_DIR ? openTranscripts(config.TRANSCRIPT_DIR, clock, log) : undefined
const secure =
  config.OCPP_TLS_PORT === undefined
    ? undefined
    : await secured().catch((error) => fail('OCPP_TLS_PORT cannot be served', error))
const files =
  config.FILES_PORT === undefined
    ? undefined
    : await filesAt(config.FILES_PORT).catch((error) =>
        fail(`FILES_PORT ${config.FILES_PORT} or FILES_DIR cannot be used`, error),
      )
const sitePorts = {
  plain: config.OCPP_PORT,
  tls: config.OCPP_TLS_PORT,
  hostnames: hostnamesOf(config),
}
const controller = await createSiteController({
  siteId,
  version: VERSION,
  node: process.versions.node,
  journal,
  clock,
  random,
  log,
  broker: config.MQTT_URL ? brokerAt(config.MQTT_URL) : undefined,
  config: {
    onboarding: config.ONBOARDING,
    heartbeatIntervalS: config.OCPP_HEARTBEAT_INTERVAL,
    pingIntervalMs: config.OCPP_PING_INTERVAL * 1_000,
    offlinePolicy: config.OFFLINE_POLICY,
    baseline: config.METERING_BASELINE,
    meterIntervalS: config.METER_SAMPLE_INTERVAL,
    maxPowerW: config.MAX_CONNECTOR_POWER_W,
    failsafeMa: config.FAILSAFE_MA,
    planning: config.CHARGING_PLAN,
    ...(config.SITE_LIMIT_MA === undefined ? {} : { siteLimitMa: config.SITE_LIMIT_MA }),
  },
  retentionMs: config.JOURNAL_RETENTION_DAYS * DAY_MS,
  retainedMaxBytes: config.JOURNAL_RETENTION_MB * MIB,
  onFatal: (error) => fail('the journal failed, nothing more can be made durable', error),
  record: transcripts?.record,
  signer: secure?.signer,
  security: {
    signs: secure !== undefined,
    renewBeforeMs: config.CERTIFICATE_RENEW_DAYS * DAY_MS,
    root: secure?.root,
    url: (profile, local) => siteUrl(sitePorts, profile, local),
  },
  uploads: files,
  firmware: files,
}).catch((error) => fail('the journal cannot be opened', error))

await controller.start()
const backups = config.JOURNAL_BACKUP_DIR ? backedUpTo(config.JOURNAL_BACKUP_DIR) : undefined
const panel = await openPanel({
  host: config.PANEL_BIND_ADDRESS,
  port: config.PANEL_PORT,
  metrics: config.ENABLE_METRICS,
  certificates:
    secure?.tls.own.map(({ cert }, i) => ({ name: `ocpp${i === 0 ? '' : `-${i + 1}`}`, pem: cert })) ?? [],
  build: config.BUILD_ID,
  log,
  status: () => ({ ...controller.status(), timeZone: config.SITE_TIME_ZONE }),
}).catch((error) => fail(`PANEL_PORT ${config.PANEL_PORT} cannot be used`, error))
const ocpp = await listen('OCPP_PORT', config.OCPP_PORT)
const ocpps =
  config.OCPP_TLS_PORT === undefined ? undefined : await listen('OCPP_TLS_PORT', config.OCPP_TLS_PORT)
log.info(
  {
    siteId,
    url: ocpp.url,
    tlsUrl: ocpps?.url,
    filesPort: files?.port,
    panelPort: panel.port,
    journalId: controller.journalId,
  },
  'the site controller runs',
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void shutDown(signal))

let stopping = false
/** In the order in which things depend on each other; at the deadline the process ends as it is, which loses nothing. */
async function shutDown(signal: string): Promise<void> {
  if (stopping) process.exit(1)
  stopping = true
  log.info({ siteId, signal }, 'the site controller stops')
  const deadline = clock.after(config.SHUTDOWN_DEADLINE_MS, () => {
    log.warn({ siteId }, 'stopping took too long: ended as it is')
    process.exit(1)
  })
  backups?.stop()
  // Not awaited: it lasts until the last socket is closed, and one that does not close is cut by the exit.
  void ocpp.close()
  void ocpps?.close()
  await controller.stop(config.SHUTDOWN_DEADLINE_MS / 2)
  await files?.close()
  await panel.close()
  await transcripts?.close()
  await endTraces?.()
  deadline()
  log.info({ siteId }, 'the site controller has stopped')
  process.exit(0)
}

/** Loaded where it is asked for only. */
async function exportTraces(): Promise<() => Promise<void>> {
  const { startTracing } = await import('@switchyard/tracing/start-tracing.ts')
  return startTracing({
    url: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    ratio: config.TRACE_RATIO,
    service: 'edge-controller',
    version: VERSION,
    instance: siteId,
  })
}

/** What reads and makes certificates takes 10 MB of memory: loaded where it is needed only. */
async function secured() {
  const [{ openTls }, { signedBy }] = await Promise.all([
    import('./certificates/tls-files.ts'),
    import('./certificates/signed-by.ts'),
  ])
  const opened = await openTls(config, random, () => clock.now())
  if (!opened) return undefined
  // Who shows another's certificate knows what stations are to trust.
  const root = config.OCPP_TLS_CERT_FILE === undefined ? opened.ca.certificate : undefined
  return { ...opened, root, signer: signedBy(opened.ca, siteId, config.CERTIFICATE_ORGANIZATION) }
}

/** A port for stations: plain, or with TLS. */
function listen(name: 'OCPP_PORT' | 'OCPP_TLS_PORT', port: number): Promise<OcppServer> {
  return listenOcpp({
    host: config.OCPP_BIND_ADDRESS,
    port,
    maxConnections: config.OCPP_MAX_CONNECTIONS,
    versions: SPOKEN_VERSIONS,
    tls: name === 'OCPP_TLS_PORT' ? secure?.tls : undefined,
    clock,
    log,
    admit: controller.admit,
    accept: controller.accept,
  }).catch((error) => fail(`${name} ${port} cannot be used`, error))
}

/** Uploads of stations, and their way to the cloud with the secret that the site has at the broker. */
function filesAt(port: number): Promise<Files> {
  const { FILES_CLOUD_URL: cloudUrl, MQTT_PASSWORD: password } = config
  if (cloudUrl !== undefined && password === undefined)
    return Promise.reject(new Error('FILES_CLOUD_URL asks for MQTT_PASSWORD, the secret of the site'))
  return openFiles({
    host: config.FILES_BIND_ADDRESS,
    port,
    url: config.FILES_URL,
    folder: config.FILES_DIR ?? join(dirname(config.JOURNAL_FILE), 'files'),
    maxBytes: config.FILES_MAX_MB * MIB,
    cloud: cloudUrl === undefined || password === undefined ? undefined : { cloudUrl, siteId, password },
    clock,
    random,
    log,
  })
}

/** Whoever may send the process a signal may ask for a backup. */
function backedUpTo(folder: string): Backups {
  const backups = new Backups({
    upkeep: journal.upkeep,
    clock,
    log,
    folder,
    intervalMs: config.JOURNAL_BACKUP_HOURS * HOUR_MS,
    keep: config.JOURNAL_BACKUPS,
  })
  backups.start()
  process.on('SIGUSR2', () => {
    backups.now().catch((error) => log.error({ siteId, error }, 'no backup of the journal was made'))
  })
  return backups
}

function brokerAt(url: string): MqttBroker {
  return new MqttBroker({
    url,
    siteId,
    username: config.MQTT_USERNAME ?? siteId,
    password: config.MQTT_PASSWORD,
    clock,
    random,
    log,
  })
}

function configured(): Config {
  try {
    const read = loadConfig(process.env)
    if (!process.argv.includes('--verify-config')) return read
    process.stdout.write('The configuration is valid.\n')
    process.exit(0)
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}

function fail(what: string, cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause)
  log.error({ siteId, error: cause }, `${what}: ${reason}`)
  process.exit(1)
}
