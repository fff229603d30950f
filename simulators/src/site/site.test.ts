import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../clock.ts'
import { openLedger, readLedger } from '../ledger.ts'
import { seededRandom } from '../random.ts'
import { type CentralSystem, startCentralSystem } from '../testing/central-system.ts'
import { pass, passDuring, passUntil } from '../testing/passing-time.ts'
import { readReplay } from './replay.ts'
import { createSite, type Site, type SiteOptions, stationPlan } from './site.ts'

let clock: VirtualClock
let central: CentralSystem
let folder: string
let site: Site
let ledgerFile: string
const lines: string[] = []
const sites: Site[] = []

beforeEach(async () => {
  clock = new VirtualClock(Date.UTC(2026, 5, 1, 8))
  folder = mkdtempSync(join(tmpdir(), 'switchyard-site-'))
  ledgerFile = join(folder, 'ledger.jsonl')
  central = await startCentralSystem(clock)
  lines.length = 0
})

afterEach(async () => {
  for (const it of sites.splice(0)) for (const charger of it.chargers) charger.kill()
  await central.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(options: Partial<SiteOptions> = {}, run = 0): Promise<Site> {
  const opened = await createSite({
    url: central.url,
    stations: 2,
    ledger: openLedger(ledgerFile),
    clock,
    random: seededRandom(`ids ${run}`),
    demand: seededRandom('cars'),
    speed: 60,
    say: (line) => lines.push(line),
    ...options,
  })
  sites.push(opened)
  opened.start()
  return opened
}

/** Sessions as the central system was told of them: by transaction, the difference of its registers in milli-Wh. */
function toldEnergies(): Map<string, number> {
  const starts = new Map<string, number>()
  const energies = new Map<string, number>()
  // biome-ignore lint/suspicious/noExplicitAny: payloads of two versions
  const register = (payload: any) =>
    Math.round(
      1000 *
        payload.meterValue[0].sampledValue.find(
          (it: { measurand: string }) => it.measurand === 'Energy.Active.Import.Register',
        ).value,
    )
  const pending: number[] = []
  for (const { action, payload } of central.received) {
    if (action === 'StartTransaction') pending.push(payload.meterStart)
    if (action === 'StopTransaction') {
      energies.set(
        String(payload.transactionId),
        (payload.meterStop - pending[payload.transactionId - 1001]!) * 1000,
      )
    }
    if (action !== 'TransactionEvent') continue
    const id = payload.transactionInfo.transactionId
    if (payload.eventType === 'Started') starts.set(id, register(payload))
    if (payload.eventType === 'Ended') energies.set(id, register(payload) - starts.get(id)!)
  }
  return energies
}

describe('a simulated site', () => {
  it('mixes versions and phases in its six stations', () => {
    const plan = stationPlan(6)
    expect(new Set(plan.map((it) => it.version))).toEqual(new Set(['1.6', '2.0.1']))
    expect(plan.map((it) => it.hardware.phases)).toEqual([3, 3, 1, 3, 3, 1])
    expect([plan[0]!.id, stationPlan(1, 'NORTH')[0]!.id]).toEqual(['CHARGER-01', 'NORTH-01'])
  })

  it('has cars come, charge and go, and its ledger agrees with what the central system was told', async () => {
    site = await open({ sessions: 6 })
    let over = false
    site.finished.then(() => {
      over = true
    })
    await passUntil(clock, () => over, 'six sessions have ended', 500)
    const entries = readLedger(ledgerFile)
    expect(entries).toHaveLength(6)
    expect(new Set(entries.map((it) => it.version))).toEqual(new Set(['1.6', '2.0.1']))
    const told = toldEnergies()
    for (const { transactionId, energyWh } of entries) {
      expect(told.get(transactionId!)).toBe(Math.round(Number(energyWh) * 1000))
    }
    expect(central.violations).toEqual([])
    await passDuring(clock, site.stop())
  })

  it('goes on with its sessions and its cars after a restart', async () => {
    const stateDir = join(folder, 'state')
    site = await open({ stateDir, speed: 20 })
    await passUntil(clock, () => site.chargers.every((it) => it.connector().powerMw > 0), 'both charge', 500)
    const keys = site.chargers.map((it) => it.connector().session?.key)
    await passDuring(clock, site.stop())
    expect(readLedger(ledgerFile)).toEqual([])
    await pass(clock, 5_000)
    site = await open({ stateDir, speed: 20 }, 1)
    await passUntil(
      clock,
      () => site.chargers.every((it) => it.connector().powerMw > 0),
      'both charge on',
      500,
    )
    expect(site.chargers.map((it) => it.connector().session?.key)).toEqual(keys)
    await passUntil(clock, () => lines.some((it) => it.includes('ends after')), 'a car leaves', 5_000)
    expect(keys).toContain(readLedger(ledgerFile)[0]?.sessionKey)
  })

  it('ends its sessions when it closes without a state folder', async () => {
    site = await open({ speed: 1 })
    await passUntil(clock, () => site.chargers.every((it) => it.connector().powerMw > 0), 'both charge', 500)
    await passDuring(clock, site.stop())
    expect(readLedger(ledgerFile).map((it) => it.reason)).toEqual(['Local', 'Local'])
    expect(toldEnergies().size).toBe(2)
  })

  it('replays a session file: every car comes, waits if it must, and asks for what it asked', async () => {
    const file = join(folder, 'sessions.csv')
    writeFileSync(
      file,
      [
        'arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id',
        '2019-05-01 06:00:00-07:00,2019-05-01 10:00:00-07:00,6,5,A',
        '2019-05-01 06:10:00-07:00,2019-05-01 10:00:00-07:00,3,3,B',
        '2019-05-01 07:00:00-07:00,2019-05-01 12:00:00-07:00,12,12,C',
        '',
      ].join('\n'),
    )
    site = await open({ replay: { file, recorded: readReplay(file) }, sessions: 3 })
    let over = false
    site.finished.then(() => {
      over = true
    })
    await passUntil(clock, () => over, 'the replay is over', 250)
    const energies = readLedger(ledgerFile).map((it) => Math.round(Number(it.energyWh)))
    // 6, 3 and 12 kWh, sixty times smaller.
    expect(energies.sort((a, b) => a - b)).toEqual([50, 100, 200])
  })
})
