/** The site controller as it runs on the box: the whole assembly on one screen. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { instant } from '@switchyard/protocol/instant.ts'
import { SystemClock, watchSteps } from './clock.ts'
import { type Config, ConfigFault, loadConfig } from './config.ts'
import { randomId } from './ids.ts'
import { keepRetention, newestSyncedMs } from './journal/retention.ts'
import { WorkerJournal } from './journal/worker-journal.ts'
import { createLog } from './log.ts'
import { listenOcpp } from './ocpp/server.ts'
import { SPOKEN_VERSIONS } from './ocpp/station-link.ts'
import { openPanel } from './panel/panel.ts'
import { type SiteStatus, sessionsOf } from './panel/status.ts'
import { systemRandom as random } from './random.ts'
import { createSiteController } from './site-controller.ts'
import { SiteState } from './site-state.ts'
import { MqttBroker } from './sync/mqtt-broker.ts'
import { createSync, type Sync } from './sync/sync.ts'
import { openTranscripts } from './transcripts.ts'
import { VERSION } from './version.ts'

const DAY_MS = 86_400_000

const config = configured()
const siteId = config.SITE_ID
const log = createLog(config.LOG_LEVEL)
const clock = new SystemClock()
process.once('uncaughtException', (error) => fail('an error that nobody expected', error))
process.once('unhandledRejection', (error) => fail('an error that nobody expected', error))

mkdirSync(dirname(config.JOURNAL_FILE), { recursive: true })
const journal = new WorkerJournal({
  file: config.JOURNAL_FILE,
  newJournalId: randomId(random),
  onFailure: (error) => fail('the journal failed, nothing more can be made durable', error),
})
const loaded = await journal.load().catch((error) => fail('the journal cannot be opened', error))
const floorMs = await newestSyncedMs(journal, loaded.heads)
if (floorMs !== undefined) clock.setFloor(floorMs)
const state = new SiteState(journal, loaded, clock, random)
const transcripts = config.TRANSCRIPT_DIR ? openTranscripts(config.TRANSCRIPT_DIR, clock, log) : undefined

const controller = createSiteController({
  state,
  clock,
  random,
  log,
  config: {
    onboarding: config.ONBOARDING,
    heartbeatIntervalS: config.OCPP_HEARTBEAT_INTERVAL,
    pingIntervalMs: config.OCPP_PING_INTERVAL * 1_000,
    offlinePolicy: config.OFFLINE_POLICY,
    baseline: config.METERING_BASELINE,
    meterIntervalS: config.METER_SAMPLE_INTERVAL,
    maxPowerW: config.MAX_CONNECTOR_POWER_W,
    failsafeMa: config.FAILSAFE_MA,
    ...(config.SITE_LIMIT_MA === undefined ? {} : { siteLimitMa: config.SITE_LIMIT_MA }),
  },
  ask: async (stationId, idToken) => sync?.ask(stationId, idToken),
  onFatal: (error) => fail('the journal failed, nothing more can be made durable', error),
  ...(transcripts ? { record: transcripts.record } : {}),
})
const sync: Sync | undefined = config.MQTT_URL ? connected(config.MQTT_URL) : undefined
controller.onChange(() => sync?.changed())

await state.commit({
  facts: [
    {
      kind: 'controller.started',
      data: { version: VERSION, journalId: state.journalId, node: process.versions.node },
    },
  ],
  puts: [],
  deletes: [],
})
const stopSteps = watchSteps(clock, (byMs) => {
  const fact = { kind: 'clock.stepped' as const, data: { byMs, quality: clock.quality() } }
  log.warn({ siteId, byMs, quality: clock.quality() }, 'the wall clock stepped')
  state
    .commit({ facts: [fact], puts: [], deletes: [] })
    .catch((error) => log.error({ error }, 'not journalled'))
})
const stopRetention = keepRetention({
  journal,
  clock,
  log,
  retentionMs: config.JOURNAL_RETENTION_DAYS * DAY_MS,
  heads: () => state.heads,
})
controller.start()
await sync?.start()
const panel = await openPanel({
  host: config.PANEL_BIND_ADDRESS,
  port: config.PANEL_PORT,
  metrics: config.ENABLE_METRICS,
  log,
  status,
}).catch((error) => fail(`PANEL_PORT ${config.PANEL_PORT} cannot be used`, error))
const ocpp = await listenOcpp({
  host: config.OCPP_BIND_ADDRESS,
  port: config.OCPP_PORT,
  maxConnections: config.OCPP_MAX_CONNECTIONS,
  versions: SPOKEN_VERSIONS,
  clock,
  log,
  admit: controller.admit,
  accept: controller.accept,
}).catch((error) => fail(`OCPP_PORT ${config.OCPP_PORT} cannot be used`, error))
log.info(
  { siteId, url: ocpp.url, panelPort: panel.port, journalId: state.journalId },
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
  stopSteps()
  stopRetention()
  // Not awaited: it lasts until the last socket is closed, and one that does not close is cut by the exit.
  void ocpp.close()
  await controller.stop(config.SHUTDOWN_DEADLINE_MS / 2)
  await sync?.stop()
  await panel.close()
  await transcripts?.close()
  await journal.close()
  deadline()
  log.info({ siteId }, 'the site controller has stopped')
  process.exit(0)
}

function connected(url: string): Sync {
  return createSync({
    siteId,
    version: VERSION,
    journal,
    acked: loaded.acked,
    state,
    clock,
    random,
    log,
    broker: new MqttBroker({
      url,
      siteId,
      username: config.MQTT_USERNAME ?? siteId,
      password: config.MQTT_PASSWORD,
      clock,
      random,
      log,
    }),
    execute: controller.execute,
    picture: () => {
      const load = controller.load()
      return { stations: controller.live(), ...(load ? { load } : {}) }
    },
    onTime: (reference) => clock.setReference(reference),
  })
}

function status(): SiteStatus {
  const link = sync?.status()
  const stations = controller.live()
  return {
    siteId,
    version: VERSION,
    journalId: state.journalId,
    bootId: state.bootId,
    at: instant(clock.now()),
    timeZone: config.SITE_TIME_ZONE,
    clock: clock.quality(),
    uptimeMs: Math.round(clock.mono()),
    link: {
      configured: link !== undefined,
      connected: link?.connected ?? false,
      linked: link?.linked ?? false,
      ...(link?.authority === undefined ? {} : { authority: link.authority }),
      ...(link?.epoch === undefined ? {} : { epoch: link.epoch }),
    },
    heads: state.heads,
    backlog: link?.backlog ?? null,
    stations,
    sessions: sessionsOf(stations),
    load: controller.load() ?? null,
  }
}

function configured(): Config {
  try {
    return loadConfig(process.env)
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
