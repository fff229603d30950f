/** One site: its controller over real SQLite, and simulated stations with cars, whose ledger is the oracle. */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTcpProxy, type TcpProxy } from '@switchyard/simulators/faults/tcp-proxy.ts'
import { type LedgerEntry, readLedger } from '@switchyard/simulators/ledger.ts'
import type { Random } from '@switchyard/simulators/random.ts'
import type { Api } from '../src/api.ts'
import type { Secret } from '../src/mosquitto.ts'
import { eventually } from '../src/process.ts'
import type { Clocks } from './clocks.ts'
import { fillDisk } from './disks.ts'
import { Kept, type KeptOptions } from './kept.ts'

const CONTROLLER = new URL('../../edge-controller/dist/main.js', import.meta.url).pathname
const SIMULATORS = new URL('../../simulators/dist/main.js', import.meta.url).pathname
export const STATIONS = 6
/** Waits, stays and energies are so many times smaller. */
const SPEED = 1_000
/** Cars come within so long, and stay about so long: real time. */
const ARRIVALS_MS = 6_000
const STAY_MS = { min: 10_000, max: 11_500 }
const ENERGY_WH = { min: 1, max: 60 }
/** After this long from the start of a round every car has left. */
export const ROUND_MS = ARRIVALS_MS + STAY_MS.max
/** More than a round ever has: the simulator ends when the file is over and everything is told. */
const ALL_SESSIONS = '1000000'

export interface SiteOptions {
  n: number
  folder: string
  /** Where the journal lies; a disk of its own where it can be filled. */
  journalFolder: string
  ocppPort: number
  panelPort: number
  brokerPort: number
  api: Api
  secret: Secret
  clocks: Clocks
  common: Pick<KeptOptions, 'logs' | 'onUnexpected'>
}

export interface Site {
  siteId: string
  panelUrl: string
  controller: Kept
  links: ReadonlyMap<string, TcpProxy>
  /** The stations of the round, if one runs. */
  stations(): Kept | undefined
  /**
   * Sends the cars of a round, and resolves when the first ones come; the process ends by itself when all of them have left
   * and everything was told.
   */
  sendCars(round: number, random: Random): Promise<void>
  ledger(): LedgerEntry[]
  /** Takes all room on the journal's disk, until the function that comes back gives it back. */
  fillDisk(): Promise<() => void>
  /** Copies the journal as it lies there now, the controller ended meanwhile: what `restoreJournal` puts back. */
  backUpJournal(): Promise<void>
  /** Puts the older copy in the journal's place; what was there is the next copy. */
  restoreJournal(): Promise<void>
  stop(): Promise<void>
}

export async function makeSite(
  options: SiteOptions,
  undo: (step: () => Promise<unknown>) => void,
): Promise<Site> {
  const { n, folder, secret, clocks, common, api } = options
  const siteId = `site-${n}`
  const { mqtt } = await api.post<{ mqtt: { username: string; password: string } }>('/api/v1/sites', {
    siteId,
    name: siteId,
    timeZone: 'Europe/Berlin',
  })
  const proxy = async (port: number) => {
    const made = await createTcpProxy({ target: { host: '127.0.0.1', port } })
    undo(() => made.close())
    return made
  }
  const broker = await proxy(options.brokerPort)
  const chargers = await proxy(options.ocppPort)
  mkdirSync(folder, { recursive: true })
  const name = `controller-${n}`
  const controller = new Kept({
    ...common,
    name,
    command: [process.execPath, CONTROLLER],
    env: {
      ...clocks.of(name),
      SITE_ID: siteId,
      MQTT_URL: `mqtt://127.0.0.1:${broker.port}`,
      MQTT_USERNAME: mqtt.username,
      MQTT_PASSWORD_FILE: secret(`mqtt-${siteId}`, mqtt.password),
      JOURNAL_FILE: join(options.journalFolder, 'journal.db'),
      OCPP_PORT: String(options.ocppPort),
      PANEL_PORT: String(options.panelPort),
      ONBOARDING: 'open',
      OFFLINE_POLICY: 'accept',
      OCPP_PING_INTERVAL: '5',
      METER_SAMPLE_INTERVAL: '1',
      SITE_TIME_ZONE: 'Europe/Berlin',
      LOG_LEVEL: 'info',
    },
  })
  undo(() => controller.stop())
  const ledgerFile = join(folder, 'ledger.jsonl')
  const panelUrl = `http://127.0.0.1:${options.panelPort}`
  const backup = join(folder, 'journal-backup')
  const back = async () => {
    controller.release()
    await eventually(`controller-${n} to be back`, async () => (await fetch(`${panelUrl}/health`)).ok)
  }
  let stations: Kept | undefined

  return {
    siteId,
    panelUrl,
    controller,
    links: new Map([
      [`stations to controller-${n}`, chargers],
      [`controller-${n} to broker`, broker],
    ]),
    stations: () => stations,
    async sendCars(round, random) {
      const file = join(folder, `cars-${round}.csv`)
      writeFileSync(file, carsOf(random))
      const flags = {
        url: `ws://127.0.0.1:${chargers.port}/ocpp`,
        stations: String(STATIONS),
        prefix: `SITE${n}`,
        ledger: ledgerFile,
        state: join(folder, 'stations'),
        speed: String(SPEED),
        replay: file,
        sessions: ALL_SESSIONS,
      }
      stations = new Kept({
        ...common,
        name: `stations-${n}`,
        command: [
          process.execPath,
          SIMULATORS,
          'site',
          ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
        ],
        env: {},
      })
      const { program } = stations
      stations.start()
      await eventually(`the stations of ${siteId}`, () =>
        program.output.some((it) => it.includes('replaying')),
      )
    },
    ledger: () => readLedger(ledgerFile),
    fillDisk: () => fillDisk(options.journalFolder),
    async backUpJournal() {
      await controller.hold()
      copyJournal(options.journalFolder, backup)
      await back()
    },
    async restoreJournal() {
      await controller.hold()
      const newer = `${backup}.newer`
      copyJournal(options.journalFolder, newer)
      copyJournal(backup, options.journalFolder)
      copyJournal(newer, backup)
      await back()
    },
    async stop() {
      await stations?.stop()
    },
  }
}

/** A session file: a car for each station, in the words of the simulator's replay. */
function carsOf(random: Random): string {
  const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms * SPEED).toISOString()
  const lines = Array.from({ length: STATIONS }, (_, i) => {
    // The first is there at once: the file's time counts from it.
    const arrival = i === 0 ? 0 : random.int(0, ARRIVALS_MS)
    const departure = arrival + random.int(STAY_MS.min, STAY_MS.max)
    return `${at(arrival)},${at(departure)},${random.int(ENERGY_WH.min, ENERGY_WH.max)},bay-${i + 1}`
  })
  return `${['arrival,departure,requested_energy (kWh),station_id', ...lines].join('\n')}\n`
}

/** Every file of the journal, and none that was not there. */
function copyJournal(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(to)) rmSync(join(to, name), { recursive: true })
  cpSync(from, to, { recursive: true })
}
