/** Faults carried out: each kind's way to do harm, and to take it back. */
import type { TcpProxy } from '@switchyard/simulators/faults/tcp-proxy.ts'
import { fillDisk } from './disks.ts'
import type { Kept } from './kept.ts'
import type { FaultKind, PlannedFault } from './plan.ts'
import { tellRedis } from './servers.ts'
import type { World } from './world.ts'

type Heal = () => Promise<void> | void
type Inject = (world: World, fault: PlannedFault) => Promise<Heal> | Heal

const nothing: Heal = () => {}
/** From `least` to `most` by degree, each doubling as likely as the next. */
const scaled = (degree: number, least: number, most: number) => Math.round(least * (most / least) ** degree)

const SECOND_MS = 1_000n
const HOUR_MS = 3_600n * SECOND_MS
/** How far clocks are put wrong, backwards and forwards; the last is about 1970, where one without a battery begins. */
const STEPS_MS = [
  -8n * SECOND_MS,
  8n * SECOND_MS,
  -HOUR_MS,
  HOUR_MS,
  -24n * HOUR_MS,
  24n * HOUR_MS,
  90n * 24n * HOUR_MS,
  -BigInt(Date.now()) + HOUR_MS,
]

const INJECT: Record<FaultKind, Inject> = {
  kill: (world, { target }) => held(processOf(world, target)),
  async 'kill-replicas'(world, { target }) {
    const heals = await Promise.all(
      world.replicas.filter((it) => it.target === target).map((it) => held(it.kept)),
    )
    return () => {
      for (const heal of heals) heal()
    }
  },
  stop(world, { target }) {
    const { program } = processOf(world, target)
    program.signal('SIGSTOP')
    return () => program.signal('SIGCONT')
  },
  async 'power-cut'(world, { target }) {
    const stations = siteOf(world, target).stations()
    // They may be through with the round already.
    return stations?.program.running ? held(stations) : nothing
  },
  async 'cloud-out'(world) {
    const heals = await Promise.all(world.replicas.map((it) => held(it.kept)))
    return () => {
      for (const heal of heals) heal()
    }
  },
  cut: onLink((link) => link.cut()),
  slow: onLink((link, degree) => link.delay(scaled(degree, 50, 1_500))),
  stall: onLink((link, degree) => link.blackHole(degree < 0.5 ? 'both' : degree < 0.75 ? 'up' : 'down')),
  trickle: onLink((link, degree) => link.throttle(scaled(degree, 200, 8_000))),
  reset: onLink((link, degree) => link.resetAfter(scaled(degree, 1, 20_000))),
  strand: onLink((link) => link.strand()),
  'broker-wiped': (world) => held(processOf(world, 'broker')),
  async 'redis-flushed'({ redisPort }) {
    await tellRedis(redisPort, 'FLUSHALL').catch(nothing)
    return nothing
  },
  'redis-killed': (world) => held(processOf(world, 'redis')),
  // SIGQUIT is Postgres's immediate shutdown: nothing is flushed, the next start recovers from its log.
  'postgres-restarted': (world) => held(processOf(world, 'postgres'), 'SIGQUIT'),
  async 'postgres-terminated'({ sql }, { target }) {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${`switchyard ${target}`}`.catch(
      nothing,
    )
    return nothing
  },
  async 'journal-restored'(world, { target }) {
    await siteOf(world, target).restoreJournal()
    return nothing
  },
  'postgres-full': (world) => fillDisk(world.databaseDisk),
  'clock-step'({ clocks }, { target, degree }) {
    const name = target.slice('clock of '.length)
    clocks.step(name, STEPS_MS[Math.floor(degree * STEPS_MS.length)] ?? 0n)
    return () => clocks.step(name, 0n)
  },
  'disk-full': (world, { target }) => siteOf(world, target).fillDisk(),
}

/** Does what was planned; the function that comes back undoes it, once. */
export async function inject(world: World, fault: PlannedFault): Promise<() => Promise<void>> {
  const heal = await INJECT[fault.kind](world, fault)
  let healed = false
  return async () => {
    if (healed) return
    healed = true
    await heal()
  }
}

async function held(kept: Kept, signal?: NodeJS.Signals): Promise<() => void> {
  await kept.hold(signal)
  return () => kept.release()
}

function onLink(harm: (link: TcpProxy, degree: number) => void): Inject {
  return ({ links }, { target, degree }) => {
    const link = links.get(target)
    if (!link) throw new Error(`there is no link ${target}`)
    harm(link, degree)
    return () => link.heal()
  }
}

function processOf({ processes }: World, name: string): Kept {
  const kept = processes.get(name)
  if (!kept) throw new Error(`there is no process ${name}`)
  return kept
}

function siteOf({ sites }: World, siteId: string) {
  const site = sites.find((it) => it.siteId === siteId)
  if (!site) throw new Error(`there is no site ${siteId}`)
  return site
}
