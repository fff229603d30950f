/** `site`: a site of stations that runs until it is told to stop. */
import { type Clock, systemClock } from '../clock.ts'
import { memoryLedger, openLedger } from '../ledger.ts'
import { seededRandom, unpredictableRandom } from '../random.ts'
import { readReplay } from '../site/replay.ts'
import { createSite, STATIONS_MAX } from '../site/site.ts'
import {
  numberOption,
  type OptionTable,
  readOptions,
  readPasswords,
  UsageError,
  urlOption,
} from './options.ts'
import { untilTold } from './until-told.ts'

export const SITE_OPTIONS: OptionTable = {
  url: { value: 'URL', what: 'central system, e.g. ws://127.0.0.1:9000/ocpp; stations add their identity' },
  stations: { value: 'N', what: `how many stations (6; at most ${STATIONS_MAX})` },
  prefix: { value: 'TEXT', what: 'what their identities begin with (CHARGER)' },
  ledger: { value: 'FILE', what: 'write what was delivered, one JSON line per ended session' },
  speed: {
    value: 'N',
    what: 'waits, stays and energies asked for N times smaller (1 to 1000); power stays real',
  },
  replay: {
    value: 'FILE',
    what: 'cars come and ask as in this file (.csv, .csv.gz, acnportal .json, .json.gz)',
  },
  state: { value: 'DIR', what: 'keep state here: sessions go on after a restart' },
  seed: { value: 'N', what: 'the same cars come for the same number; identifiers stay new' },
  sessions: { value: 'N', what: 'end after so many sessions' },
  'password-file': { value: 'FILE', what: 'JSON object identity -> password ("*": others), or one password' },
}

const PREFIX_PATTERN = /^[A-Za-z0-9_-]{1,40}$/
export const STATIONS_BOUNDS = { min: 1, max: STATIONS_MAX, fallback: 6 }

/** Runs until a signal or the last session; resolves with the exit code. */
export async function siteCommand(args: readonly string[], clock: Clock = systemClock): Promise<number> {
  const options = readOptions(SITE_OPTIONS, args)
  const url = urlOption(options)
  const stations = numberOption(options, 'stations', STATIONS_BOUNDS)
  const speed = numberOption(options, 'speed', { min: 1, max: 1000, fallback: 1, fraction: true })
  const sessions = numberOption(options, 'sessions', { min: 1, max: 1_000_000, fallback: 0 })
  const seed = numberOption(options, 'seed', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: -1 })
  const passwordFile = options.get('password-file')
  const replayFile = options.get('replay')
  const prefix = options.get('prefix')
  if (prefix !== undefined && !PREFIX_PATTERN.test(prefix))
    throw new UsageError(`--prefix must be 1 to 40 letters, digits, - or _, not "${prefix}"`)
  const ledgerFile = options.get('ledger')
  const stateDir = options.get('state')
  const password = passwordFile === undefined ? undefined : readPasswords(passwordFile)
  const replay = replayFile === undefined ? undefined : { file: replayFile, recorded: readReplay(replayFile) }

  const ledger = ledgerFile === undefined ? memoryLedger() : openLedger(ledgerFile)
  const say = (line: string) => console.log(`${new Date(clock.now()).toISOString()} ${line}`)
  const site = await createSite({
    url,
    stations,
    ledger,
    speed,
    clock,
    random: unpredictableRandom(),
    demand: seed < 0 ? unpredictableRandom() : seededRandom(seed),
    say,
    ...(sessions === 0 ? {} : { sessions }),
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(password === undefined ? {} : { password }),
    ...(replay === undefined ? {} : { replay }),
    ...(prefix === undefined ? {} : { prefix }),
  })
  say(`${stations} stations at ${url}${replay ? `, replaying ${replay.recorded.length} sessions` : ''}`)
  site.start()
  const told = await untilTold(site.finished)
  say(told === 'finished' ? `${sessions} sessions have ended` : `${told}: the site closes`)
  await site.stop()
  ledger.close()
  return 0
}
