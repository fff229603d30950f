/** One round: cars come, faults fall on everything, all is healed, and what is billed is held against what was delivered. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@switchyard/simulators/random.ts'
import { eventually } from '../src/process.ts'
import { inject } from './inject.ts'
import { logFaults } from './log-check.ts'
import { judge, type Verdict } from './oracle.ts'
import { BEFORE_THE_CARS_MS, type FaultKind, type PlannedFault, planRound } from './plan.ts'
import { earlyAcknowledgement, unrest } from './quiet.ts'
import { ROUND_MS } from './site.ts'
import type { World } from './world.ts'

/** A bound against hanging, not a measure: a busy machine starts fourteen processes slowly. */
const RECOVERY_MAX_MS = 600_000
const LOOK_MS = 500
const WATCH_MS = 700

export interface RoundResult {
  seed: number
  faults: PlannedFault[]
  recoveryMs: number
  /** Why it was not well in time; undefined when it was. */
  stuck: string | undefined
  verdict: Verdict
  /** Invariants broken in the log, and by acknowledgements. */
  broken: string[]
  /** Processes that ended though nobody made them. */
  unexpected: string[]
}

export async function runRound(
  world: World,
  round: number,
  seed: number,
  kinds: readonly FaultKind[],
): Promise<RoundResult> {
  const random = seededRandom(seed)
  const faults = planRound(random.fork('faults'), world.topology, kinds, ROUND_MS)
  const note = (line: string) =>
    appendFileSync(join(world.folder, 'logs', 'events.log'), `${new Date().toISOString()} ${line}\n`)
  note(`--- round ${round}, seed ${seed}`)
  world.unexpected.length = 0
  for (const fault of faults.filter((it) => it.atMs === BEFORE_THE_CARS_MS)) {
    note(`${fault.kind}: ${fault.target}`)
    await inject(world, fault)
  }
  await Promise.all(world.sites.map((site) => site.sendCars(round, random.fork(site.siteId))))
  const broken = new Set<string>()
  const watch = watchAcknowledgements(world, broken)
  await bringHarm(
    world,
    faults.filter((it) => it.atMs !== BEFORE_THE_CARS_MS),
    note,
  )
  note('healed')
  const healedMs = performance.now()
  const stuck = await untilQuiet(world, note)
  const recoveryMs = performance.now() - healedMs
  note(stuck ? `not well: ${stuck}` : 'well again')
  await watch.stop()
  const { verdict, faultsOfLog } = await look(world)
  for (const it of faultsOfLog) broken.add(it)
  return {
    seed,
    faults,
    recoveryMs,
    stuck,
    verdict,
    broken: [...broken],
    unexpected: [...world.unexpected],
  }
}

/** Every fault at its time, each taken back at its own, and all of them at the end of the round. */
async function bringHarm(world: World, faults: readonly PlannedFault[], note: (line: string) => void) {
  const startedMs = performance.now()
  const untilMs = (ms: number) => sleep(Math.max(0, startedMs + ms - performance.now()))
  await Promise.all(
    faults.map(async (fault) => {
      const { kind, target, atMs, forMs } = fault
      await untilMs(atMs)
      note(`${kind}: ${target}`)
      const heal = await inject(world, fault)
      await untilMs(Math.min(atMs + forMs, ROUND_MS))
      await heal()
      note(`${kind}: ${target}, taken back`)
    }),
  )
  await untilMs(ROUND_MS)
}

/** Undefined once all is well twice in a row; else what was not at the end. */
async function untilQuiet(world: World, note: (line: string) => void): Promise<string | undefined> {
  const endMs = performance.now() + RECOVERY_MAX_MS
  let reason: string | undefined = 'not looked at'
  for (let well = 0; performance.now() < endMs; await sleep(LOOK_MS)) {
    const before: string | undefined = reason
    reason = await unrest(world)
    if (reason !== before) note(reason ?? 'well')
    well = reason === undefined ? well + 1 : 0
    if (well === 2) return undefined
  }
  return reason ?? 'well only for a moment'
}

function watchAcknowledgements(world: World, broken: Set<string>): { stop(): Promise<void> } {
  let on = true
  const work = (async () => {
    for (; on; await sleep(WATCH_MS)) {
      for (const site of world.sites) {
        const early = await earlyAcknowledgement(world, site)
        if (early) broken.add(early)
      }
    }
  })()
  return {
    async stop() {
      on = false
      await work
    },
  }
}

async function look(world: World): Promise<{ verdict: Verdict; faultsOfLog: string[] }> {
  const ledger = world.sites.flatMap((site) => site.ledger())
  const seen = await eventually('the cloud to answer', async () => ({
    cdrs: await world.api.cdrs(),
    sessions: await world.api.sessions(),
    faultsOfLog: await logFaults(world.sql),
  }))
  return { verdict: judge(ledger, seen.cdrs, seen.sessions), faultsOfLog: seen.faultsOfLog }
}
