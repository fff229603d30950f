/** `charger`: one station, one session, then the end: plug in, authorise, charge so much, stop. */
import { formatWh } from '@switchyard/protocol/units.ts'
import { arrivingCar } from '../car/car.ts'
import { type Charger, createCharger, THREE_PHASE_22KW } from '../charger/charger.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type LedgerEntry, memoryLedger, openLedger } from '../ledger.ts'
import { SIMULATED_TOKENS } from '../tokens.ts'
import {
  numberOption,
  type OptionTable,
  readOptions,
  readPasswords,
  required,
  UsageError,
  urlOption,
} from './options.ts'
import { untilTold } from './until-told.ts'

export const CHARGER_OPTIONS: OptionTable = {
  url: { value: 'URL', what: 'central system, e.g. ws://127.0.0.1:9000/ocpp; the identity is added' },
  id: { value: 'ID', what: "the station's identity" },
  version: { value: 'V', what: 'OCPP version: 1.6 or 2.0.1 (1.6)' },
  connectors: { value: 'N', what: 'connectors, or EVSEs in 2.0.1 (1; at most 20)' },
  connector: { value: 'N', what: 'the one to charge at (1)' },
  token: { value: 'TOKEN', what: `id token to present (${SIMULATED_TOKENS[0]!.idToken})` },
  kwh: { value: 'X', what: 'energy to charge (1)' },
  phases: { value: 'N', what: "the car's phases: 1 or 3 (3)" },
  current: { value: 'A', what: "the car's largest current per phase, 6 to 80 (32)" },
  password: { value: 'TEXT', what: 'for basic authentication; visible to others in the process list' },
  'password-file': { value: 'FILE', what: 'the same from a file' },
  ledger: { value: 'FILE', what: 'write what was delivered, one JSON line' },
  timeout: { value: 'S', what: 'give up after so many seconds (86400)' },
  frames: { what: 'print every OCPP frame to stderr' },
}

/** 100 kWh: no wish is bounded by this battery. */
const CAPACITY_MILLI_WH = 200_000_000
const LOOK_MS = 100

/** Runs one session; resolves with 0 when it was delivered, 1 when it was not. */
export async function chargerCommand(args: readonly string[], clock: Clock = systemClock): Promise<number> {
  const options = readOptions(CHARGER_OPTIONS, args)
  const version = options.get('version') ?? '1.6'
  if (version !== '1.6' && version !== '2.0.1') {
    throw new UsageError(`--version must be 1.6 or 2.0.1, not "${version}"`)
  }
  const connectors = numberOption(options, 'connectors', { min: 1, max: 20, fallback: 1 })
  const connectorId = numberOption(options, 'connector', { min: 1, max: connectors, fallback: 1 })
  const kwh = numberOption(options, 'kwh', { min: 0.001, max: 100, fallback: 1, fraction: true })
  const phases = numberOption(options, 'phases', { min: 1, max: 3, fallback: 3 })
  if (phases === 2) throw new UsageError('--phases must be 1 or 3, not "2"')
  const current = numberOption(options, 'current', { min: 6, max: 80, fallback: 32 })
  const timeoutS = numberOption(options, 'timeout', { min: 1, max: 7 * 86_400, fallback: 86_400 })
  const id = required(options, 'id')
  const passwordFile = options.get('password-file')
  const password = passwordFile === undefined ? options.get('password') : readPasswords(passwordFile)(id)
  const ledgerFile = options.get('ledger')
  const url = urlOption(options)
  const ledger = ledgerFile === undefined ? memoryLedger() : openLedger(ledgerFile)
  const charger = await createCharger({
    url,
    id,
    version,
    connectors: Array.from({ length: connectors }, () => THREE_PHASE_22KW),
    clock,
    ledger,
    ...(password === undefined ? {} : { password }),
  })
  const say = (line: string) => console.log(`${new Date(clock.now()).toISOString()} ${line}`)
  watch(charger, say, options.has('frames'))
  charger.start()

  const car = arrivingCar(
    {
      name: 'car',
      capacityMilliWh: CAPACITY_MILLI_WH,
      maxCurrentMa: current * 1000,
      phases: phases as 1 | 3,
    },
    { socPermille: 100, targetMilliWh: Math.round(kwh * 1_000_000) },
  )
  let delivered: LedgerEntry | undefined
  charger.events.on('session-ended', (entry) => {
    delivered = entry
  })
  const token = options.get('token') ?? SIMULATED_TOKENS[0]!.idToken
  let stopped = false
  const session = async (): Promise<string | undefined> => {
    const latestMs = clock.mono() + timeoutS * 1000
    const until = (holds: () => boolean) =>
      waitUntil(clock, () => holds() || stopped || clock.mono() >= latestMs)
    await until(() => charger.online)
    if (!charger.online) return 'the central system did not accept the station in time'
    charger.plugIn(car, connectorId)
    const status = await charger.authorise(token, connectorId)
    if (status !== 'Accepted') return `${token} is refused: ${status}`
    await until(() => !car.wantsEnergy || delivered !== undefined)
    if (!delivered) await charger.authorise(token, connectorId)
    charger.unplug(connectorId)
    await until(() => charger.queued === 0)
    if (charger.queued > 0) return 'the central system does not have all of the session yet'
    return car.wantsEnergy ? `only ${formatWh(car.takenMilliWh)} Wh were charged` : undefined
  }
  let problem: string | undefined
  const work = session().then((outcome) => {
    problem = outcome
  })
  const told = await untilTold(work)
  stopped = true
  if (told !== 'finished') problem = `${told} came before the end`
  await charger.stop()
  ledger.close()
  const { sessionKey, transactionId, startedAt, endedAt, energyWh, reason } = delivered ?? {}
  const summary = {
    ok: problem === undefined,
    sessionKey,
    transactionId,
    startedAt,
    endedAt,
    energyWh,
    reason,
  }
  console.log(JSON.stringify(problem === undefined ? summary : { ...summary, problem }))
  return problem === undefined ? 0 : 1
}

function watch(charger: Charger, say: (line: string) => void, frames: boolean): void {
  charger.events.on('connected', () => say('connected'))
  charger.events.on('disconnected', (reason) => say(`disconnected: ${reason}`))
  charger.events.on('boot', (status) => say(`boot: ${status}`))
  charger.events.on('status', (connectorId, status) => say(`connector ${connectorId}: ${status}`))
  charger.events.on('dropped', (message, why) => say(`gives up a message (${message.kind}): ${why}`))
  charger.events.on('fault', (description) => say(description))
  if (frames) {
    charger.events.on('frame', (direction, text) => console.error(direction === 'in' ? '<' : '>', text))
  }
}

function waitUntil(clock: Clock, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (holds()) resolve()
      else clock.after(LOOK_MS, look)
    }
    look()
  })
}
