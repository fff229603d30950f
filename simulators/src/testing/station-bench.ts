/** A station and a central system for a test file: fresh for every test, on virtual time and real sockets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { arrivingCar, type CarSpec } from '../car/car.ts'
import { type Charger, type ChargerOptions, createCharger } from '../charger/charger.ts'
import type { ChargerVersion } from '../charger/dialect.ts'
import { VirtualClock } from '../clock.ts'
import { memoryLedger } from '../ledger.ts'
import { seededRandom } from '../random.ts'
import { type CentralSystem, startCentralSystem } from './central-system.ts'
import { passDuring, passUntil } from './passing-time.ts'

const HATCHBACK: CarSpec = { name: 'hatchback', capacityMilliWh: 52_000_000, maxCurrentMa: 32_000, phases: 3 }
export const VERSIONS: ChargerVersion[] = ['1.6', '2.0.1']

export let clock: VirtualClock
export let central: CentralSystem
export let folder: string
export let charger: Charger
const chargers: Charger[] = []
export const faults: string[] = []

beforeEach(() => {
  clock = new VirtualClock(Date.UTC(2026, 5, 1, 8))
  folder = mkdtempSync(join(tmpdir(), 'switchyard-charger-'))
  faults.length = 0
})

afterEach(async () => {
  for (const it of chargers.splice(0)) it.kill()
  await central.close()
  rmSync(folder, { recursive: true, force: true })
})

export async function make(version: ChargerVersion, options: Partial<ChargerOptions> = {}): Promise<Charger> {
  const made = await createCharger({
    url: central.url,
    id: 'CP 1',
    version,
    clock,
    random: seededRandom(chargers.length),
    ledger: memoryLedger(),
    ...options,
  })
  made.events.on('fault', (fault) => faults.push(fault))
  chargers.push(made)
  charger = made
  return made
}

export async function openCentral(options: { password?: string } = {}): Promise<CentralSystem> {
  central = await startCentralSystem(clock, options)
  return central
}

export async function online(
  version: ChargerVersion,
  options: Partial<ChargerOptions> = {},
): Promise<Charger> {
  await openCentral()
  await make(version, options)
  charger.start()
  await until(() => charger.online, 'the station is online')
  return charger
}

export const until = (condition: () => boolean, what: string) => passUntil(clock, condition, what)

export function hatchback(targetWh?: number) {
  return arrivingCar(HATCHBACK, {
    socPermille: 300,
    ...(targetWh === undefined ? {} : { targetMilliWh: targetWh * 1000 }),
  })
}

export async function startSession(targetWh?: number): Promise<void> {
  charger.plugIn(hatchback(targetWh))
  expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
  await until(() => charger.connector().powerMw > 22_000_000, 'it charges at full power')
}

/** The registers that a message carries, in Wh. */
export function register(payload: {
  meterValue?: { sampledValue: { measurand: string; value: unknown }[] }[]
}): number {
  const value = payload.meterValue?.[0]?.sampledValue.find(
    (it) => it.measurand === 'Energy.Active.Import.Register',
  )
  return Number(value?.value)
}
