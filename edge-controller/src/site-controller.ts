/**
 * The library face of the edge controller: a whole site over ports, from the journal through its state and its chargers to the
 * link with the cloud. `main.ts` gives it the real ports, the simulator virtual ones.
 */

import { instant } from '@switchyard/protocol/instant.ts'
import type { DocumentName, DocumentVersion } from '@switchyard/protocol/site/document.ts'
import { type FactData, MAX_RUNNING_TOLD } from '@switchyard/protocol/site/fact.ts'
import { type CentralSystem, createCentralSystem } from './central-system.ts'
import type { CentralSystemPorts, SiteControllerConfig } from './central-system-ports.ts'
import type { CertificateSigner } from './certificates/issue.ts'
import { type AppliedDocument, DOCUMENT_KIND } from './documents.ts'
import { DiskWatch } from './journal/disk-watch.ts'
import { type Journal, JournalFull } from './journal/port.ts'
import { keepRetention, newestSyncedMs } from './journal/retention.ts'
import type { SiteSecurity } from './ocpp/security-changes/change.ts'
import type { SiteStatus } from './panel/status.ts'
import { sessionsOf } from './panel/status.ts'
import type { Broker, FirmwareSource, Log, Random, UploadPlaces } from './ports.ts'
import { tellSalvaged } from './salvaged.ts'
import { takeMeteredApart } from './session/metered-apart.ts'
import { SESSION_KIND, type Session } from './session/session.ts'
import type { SiteClock } from './site-clock.ts'
import { SiteState } from './site-state.ts'
import type { Compress } from './sync/batch.ts'
import { createSync } from './sync/sync.ts'
import { floorOf, keepTime } from './timekeeping.ts'

export type { SiteControllerConfig } from './central-system-ports.ts'
export { DOCUMENT_KIND } from './documents.ts'
export { randomId } from './ids.ts'
export { readFlat } from './journal/flat-changes.ts'
export {
  GroupedJournal,
  type JournalDisk,
  type JournalDiskEvents,
} from './journal/grouped-journal.ts'
export type { GroupResult, Request, Response } from './journal/journal-messages.ts'
export { JournalServer } from './journal/journal-server.ts'
export {
  ChangeRefused,
  type Heads,
  type Journal,
  JournalFailed,
  MAX_FACT_BYTES,
  type RowsAfter,
} from './journal/port.ts'
export type {
  Acknowledgements,
  LoadedJournal,
  SerialisedChange,
  SerialisedFork,
} from './journal/sqlite.ts'
export type { Database } from './journal/sqlite-driver.ts'
export type { Volume } from './journal/volume.ts'
export { type Admission, admit, type Knock } from './ocpp/admission.ts'
export { SPOKEN_VERSIONS } from './ocpp/modules.ts'
export { upgradeToOcpp } from './ocpp/server.ts'
export type { Broker, Clock, Log, Random, Socket } from './ports.ts'
export { SiteClock, type Time } from './site-clock.ts'
export { PasswordCheck } from './station/password.ts'

export interface SiteControllerPorts {
  siteId: string
  /** Version of this program, and of the Node that it runs on. */
  version: string
  node: string
  /** Not loaded yet; closed by `stop`. */
  journal: Journal
  clock: SiteClock
  random: Random
  log: Log
  /** Absent: the site works without a cloud. */
  broker?: Broker | undefined
  config: SiteControllerConfig
  /** Signs certificates of stations; absent: the site has no CA. */
  signer?: CertificateSigner | undefined
  /** What the site offers to stations that prove themselves; absent: no TLS and no CA. */
  security?: SiteSecurity | undefined
  /** Takes files of stations; absent: the site takes none. */
  uploads?: UploadPlaces | undefined
  /** Absent: firmware is fetched from where a command says only. */
  firmware?: FirmwareSource | undefined
  /** How long rows stay after the cloud has them, ms. */
  retentionMs: number
  /** Rows that the cloud has are kept for it only while the journal is no larger than this. */
  retainedMaxBytes: number
  /** The journal failed: the process must stop. */
  onFatal(error: Error): void
  /** Transcripts on demand: every frame as it stands on the wire. */
  record?: ((stationId: string, direction: 'in' | 'out', text: string) => void) | undefined
  passwords?: CentralSystemPorts['passwords']
  /** gzip, unless another is given. */
  compress?: Compress | undefined
}

export interface SiteController extends Pick<CentralSystem, 'admit' | 'accept' | 'live' | 'load'> {
  /** Another one after a fork. */
  readonly journalId: string
  /** Version of a document as last applied; undefined while none has come. */
  appliedVersion(name: DocumentName): DocumentVersion | undefined
  /** What the local panel tells, but for the time zone, which the controller itself needs nowhere. */
  status(): Omit<SiteStatus, 'timeZone'>
  /** Journals that it started, then takes up the link to the cloud; stations may be accepted from then on. */
  start(): Promise<void>
  /** Closes every connection, lets what is under way become durable, at most until the deadline, and closes the journal. */
  stop(deadlineMs: number): Promise<void>
}

/** Loads the journal and puts the site together over it. Rejects with JournalFailed when it cannot be opened. */
export async function createSiteController(ports: SiteControllerPorts): Promise<SiteController> {
  const { siteId, version, node, journal, clock, random, log, broker, record } = ports
  const loaded = await journal.load()
  const state = new SiteState(journal, loaded, clock, random)
  const floorMs = floorOf(state, await newestSyncedMs(journal, loaded.heads))
  if (floorMs !== undefined) clock.setFloor(floorMs)

  const central = createCentralSystem({
    state,
    clock,
    random,
    log,
    config: ports.config,
    ask: async (stationId, idToken) => sync?.ask(stationId, idToken),
    askCertificates: async (stationId, question) => sync?.askCertificates(stationId, question),
    onFatal: ports.onFatal,
    passwords: ports.passwords,
    signer: ports.signer,
    security: ports.security,
    uploads: ports.uploads,
    firmware: ports.firmware,
    ...(record ? { record } : {}),
  })
  const sync =
    broker &&
    createSync({
      siteId,
      version,
      node,
      journal,
      acked: loaded.acked,
      state,
      clock,
      random,
      log,
      broker,
      execute: central.execute,
      picture() {
        const load = central.load()
        return { stations: central.live(), ...(load ? { load } : {}) }
      },
      onTime: (reference) => time.onTime(reference),
      ...(ports.compress ? { compress: ports.compress } : {}),
    })
  central.onChange(() => sync?.changed())

  const time = keepTime({
    siteId,
    clock,
    state,
    log,
    placed: (before) => central.correctTimes(before),
  })

  const disk = new DiskWatch({
    siteId,
    journal,
    state,
    clock,
    log,
    retainedMaxBytes: ports.retainedMaxBytes,
    sentTo: () => sync?.sentTo('telemetry') ?? 0,
  })
  function began(): FactData<'controller.started'> {
    const running = state.list<Session>(SESSION_KIND).flatMap((it) => (it.end ? [] : it.sessionId))
    return {
      version,
      journalId: state.journalId,
      node,
      ...(running.length > MAX_RUNNING_TOLD ? {} : { running }),
    }
  }

  let stopRetention = (): void => {}
  return {
    get journalId() {
      return state.journalId
    },
    admit: central.admit,
    accept: central.accept,
    live: central.live,
    load: central.load,
    appliedVersion: (name) => state.get<AppliedDocument>(DOCUMENT_KIND, name)?.version,

    status() {
      const link = sync?.status()
      const stations = central.live()
      return {
        siteId,
        version,
        journalId: state.journalId,
        bootId: state.bootId,
        at: instant(clock.now()),
        clock: clock.quality(),
        uptimeMs: Math.round(clock.mono()),
        link: {
          configured: link !== undefined,
          connected: link?.connected ?? false,
          linked: link?.linked ?? false,
          ...(link?.authority === undefined ? {} : { authority: link.authority }),
          ...(link?.epoch === undefined ? {} : { epoch: link.epoch }),
          ...(link?.generation === undefined ? {} : { generation: link.generation }),
          ...(link?.forkedFrom ? { forkedFrom: link.forkedFrom } : {}),
        },
        heads: state.heads,
        backlog: link?.backlog ?? null,
        pressure: state.pressure,
        stations,
        sessions: sessionsOf(stations),
        load: central.load() ?? null,
      }
    },

    async start() {
      try {
        await takeMeteredApart(state)
        await tellSalvaged(siteId, journal, state, log)
        await state.commit({ facts: [{ kind: 'controller.started', data: began() }], puts: [], deletes: [] })
      } catch (error) {
        // Charging goes on, and so does the way up, which is what makes room again.
        if (!(error instanceof JournalFull)) throw error
        log.error({ siteId }, 'the disk is full: that the controller started could not be journalled')
      }
      await disk.start()
      time.start()
      stopRetention = keepRetention({
        journal,
        clock,
        log,
        retentionMs: ports.retentionMs,
        heads: () => state.heads,
      })
      central.start()
      await sync?.start()
    },

    async stop(deadlineMs) {
      time.stop()
      stopRetention()
      disk.stop()
      await central.stop(deadlineMs)
      await sync?.stop()
      await journal.close()
    },
  }
}
