/** A site of simulated stations, with cars that come, charge and go. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Charger, createCharger, SINGLE_PHASE_7KW, THREE_PHASE_22KW } from '../charger/charger.ts'
import type { ChargerVersion } from '../charger/dialect.ts'
import type { Hardware } from '../charger/limits/resolve.ts'
import { saveState } from '../charger/station-state.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Ledger, LedgerEntry } from '../ledger.ts'
import { type Random, unpredictableRandom } from '../random.ts'
import { type Arrivals, drawnArrivals, type ReplayState, replayedArrivals } from './arrivals.ts'
import { Bay, type Stay } from './bay.ts'
import type { Recorded } from './recorded.ts'

/** Stations of one site; more are refused. */
export const STATIONS_MAX = 500

export interface SiteOptions {
  url: string
  /** How many; 6 by default. */
  stations?: number
  /** What the stations' identities begin with; CHARGER by default. Identities differ between the sites of one cloud. */
  prefix?: string
  ledger: Ledger
  /** Waits, stays and wishes are so many times shorter; power and clocks stay real. */
  speed?: number
  /** Cars as they once came, instead of drawn ones. */
  replay?: { file: string; recorded: readonly Recorded[] }
  /** Folder that outlives a restart: sessions go on. */
  stateDir?: string
  /** Ends after so many sessions; without, never. */
  sessions?: number
  password?: (stationId: string) => string | undefined
  clock?: Clock
  /** For identifiers and meters. */
  random?: Random
  /** For the cars; another than `random`, so that the same cars can come twice under new identifiers. */
  demand?: Random
  /** One line for each thing that happens. */
  say?: (line: string) => void
}

export interface Site {
  readonly chargers: readonly Charger[]
  start(): void
  /** With a state folder sessions go on at the next start; without, they end, and are told, first. */
  stop(): Promise<void>
  /** Resolves when the sessions asked for have ended and been told. */
  readonly finished: Promise<void>
}

interface SiteState {
  format: 1
  stays: Record<string, Stay>
  replay?: ReplayState
}

export interface PlannedStation {
  id: string
  version: ChargerVersion
  hardware: Hardware
}

/** The stations of a site: 1.6J and 2.0.1 in turn, every third one single-phase. */
export function stationPlan(count: number, prefix = 'CHARGER'): PlannedStation[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}-${String(index + 1).padStart(2, '0')}`,
    version: index % 2 === 0 ? '1.6' : '2.0.1',
    hardware: index % 3 === 2 ? SINGLE_PHASE_7KW : THREE_PHASE_22KW,
  }))
}

/** Makes a site, switched off. Throws when its kept state cannot be read. */
export async function createSite(options: SiteOptions): Promise<Site> {
  const { url, ledger, stateDir, sessions, clock = systemClock, say = () => {} } = options
  const { random = unpredictableRandom(), demand = unpredictableRandom(), speed = 1 } = options
  if (stateDir) mkdirSync(stateDir, { recursive: true })
  const stateFile = stateDir && join(stateDir, 'site.json')
  const kept = stateFile ? readSiteState(stateFile) : undefined
  let ended = 0
  let arrivals: Arrivals
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })

  const save = () => {
    if (!stateFile) return
    const stays = bays.flatMap((bay) => (bay.stay ? [[bay.charger.id, bay.stay] as const] : []))
    const replay = arrivals.state()
    const state: SiteState = { format: 1, stays: Object.fromEntries(stays), ...(replay ? { replay } : {}) }
    saveState(stateFile, state)
  }
  const lookIfFinished = () => {
    if (sessions === undefined) return
    const idle = bays.every((bay) => bay.free) && chargers.every((it) => it.queued === 0)
    if (idle && (ended >= sessions || arrivals.over)) finish()
  }

  const chargers: Charger[] = []
  const bays: Bay[] = []
  for (const { id, version, hardware } of stationPlan(options.stations ?? 6, options.prefix)) {
    const password = options.password?.(id)
    const charger = await createCharger({
      url,
      id,
      version,
      connectors: [hardware],
      clock,
      random: random.fork(id),
      ledger,
      ...(password === undefined ? {} : { password }),
      ...(stateDir ? { stateFile: join(stateDir, `${id}.json`) } : {}),
    })
    tellOf(charger, say)
    charger.events.on('session-ended', () => ended++)
    charger.events.on('answered', lookIfFinished)
    chargers.push(charger)
    const bay: Bay = new Bay(
      {
        charger,
        clock,
        random: demand.fork(id),
        speed,
        onChange: save,
        onFree: () => {
          arrivals.freed(bay)
          lookIfFinished()
        },
        say,
      },
      kept?.stays[id],
    )
    bays.push(bay)
  }

  const arrivalsOptions = {
    bays,
    clock,
    random: demand,
    speed,
    // Counting the cars that are there and have not charged yet: each will.
    mayCome: () =>
      sessions === undefined ||
      ended +
        bays.filter((bay) => bay.charger.connector().session || (bay.stay && !bay.stay.charged)).length <
        sessions,
    onChange: save,
  }
  arrivals = options.replay
    ? replayedArrivals(arrivalsOptions, options.replay.file, options.replay.recorded, kept?.replay)
    : drawnArrivals(arrivalsOptions, kept === undefined)

  return {
    chargers,
    finished,
    start() {
      for (const charger of chargers) charger.start()
      for (const bay of bays) bay.resume()
      arrivals.start()
    },
    async stop() {
      arrivals.stop()
      for (const bay of bays) bay.stop()
      save()
      await Promise.all(chargers.map((charger) => charger.stop()))
    },
  }
}

function tellOf({ id, version, events }: Charger, say: (line: string) => void): void {
  events.on('connected', () => say(`${id} connected (OCPP ${version})`))
  events.on('disconnected', (reason) => say(`${id} disconnected: ${reason}`))
  events.on('boot', (status) => say(`${id} boot: ${status}`))
  events.on('session-started', ({ idToken, startRegisterWh }) =>
    say(`${id} session of ${idToken} starts at ${startRegisterWh} Wh`),
  )
  events.on('session-ended', (entry: LedgerEntry) =>
    say(`${id} session of ${entry.idToken} ends after ${entry.energyWh} Wh: ${entry.reason}`),
  )
  events.on('dropped', (message, why) => say(`${id} gives up a message (${message.kind}): ${why}`))
  events.on('fault', (description) => say(`${id} ${description}`))
}

function readSiteState(file: string): SiteState | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const state = JSON.parse(text) as SiteState
    if (state?.format === 1) return state
  } catch (cause) {
    throw new Error(`${file} is not JSON; without it the site opens anew`, { cause })
  }
  throw new Error(`${file} is not a site's state of format 1`)
}
