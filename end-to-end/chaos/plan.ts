/** A round before it is run: which faults hit what, and when. A pure function of the seed, so that a round can be run again. */
import type { Random } from '@switchyard/simulators/random.ts'

export const FAULT_KINDS = [
  'kill',
  'kill-replicas',
  'stop',
  'power-cut',
  'cloud-out',
  'cut',
  'slow',
  'stall',
  'trickle',
  'reset',
  'strand',
  'broker-wiped',
  'redis-flushed',
  'redis-killed',
  'postgres-restarted',
  'postgres-terminated',
  'disk-full',
  'postgres-full',
  'clock-step',
  'journal-restored',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** What there is to be hit, by name; each list is a class, and classes are drawn before their members. */
export interface Topology {
  /** Processes to kill or stop: controllers, replicas of each target, servers. */
  processes: readonly (readonly string[])[]
  /** Links: stations to controllers, sites to the broker, cloud to broker, to Postgres, to Redis, service to service. */
  links: readonly (readonly string[])[]
  sites: readonly string[]
  /** Sites whose journal lies on a disk that can be filled. */
  fullable: readonly string[]
  /** Whether the database's disk can be filled. */
  databaseFullable: boolean
  /** Processes whose wall clocks can be put wrong. */
  clocks: readonly (readonly string[])[]
  /** Services of which all replicas can be killed at once. */
  replicated: readonly string[]
  /** Names that Postgres knows the cloud's connections by. */
  services: readonly string[]
}

export interface PlannedFault {
  kind: FaultKind
  target: string
  atMs: number
  forMs: number
  /** In [0, 1): how bad, where a kind has degrees. */
  degree: number
}

/** Faults of one round. */
const FEWEST = 4
const MOST = 9
/** Nothing happens before: stations connect. */
const FIRST_AT_MS = 1_000
/** What is done while no session runs and everything was told: a journal put back would else lose what is nowhere but in it. */
export const BEFORE_THE_CARS_MS = 0
const SHORTEST_MS = 300
const LONGEST_MS = 7_000
/** What is no great harm while it is brief. */
const LASTING: ReadonlySet<FaultKind> = new Set(['slow', 'trickle', 'clock-step'])
const LONGEST_SLOW_MS = 15_000

type Weights = Readonly<Record<FaultKind, number>>
const WEIGHTS: Weights = {
  kill: 8,
  'kill-replicas': 2,
  stop: 4,
  'power-cut': 2,
  'cloud-out': 1,
  cut: 5,
  slow: 2,
  stall: 3,
  trickle: 2,
  reset: 4,
  strand: 1,
  'broker-wiped': 3,
  'redis-flushed': 1,
  'redis-killed': 2,
  'postgres-restarted': 3,
  'postgres-terminated': 2,
  'disk-full': 2,
  'postgres-full': 1,
  'clock-step': 3,
  'journal-restored': 2,
}

/** Draws the faults of a round that lasts `lengthMs`, ordered by time; none on what another has in its hands already. */
export function planRound(
  random: Random,
  topology: Topology,
  kinds: readonly FaultKind[],
  lengthMs: number,
): PlannedFault[] {
  const possible = kinds.filter((kind) => targetsOf(kind, topology).length > 0)
  if (possible.length === 0) return []
  const weighted = possible.map((kind) => ({ kind, weight: WEIGHTS[kind] }))
  const planned: PlannedFault[] = []
  for (let left = random.int(FEWEST, MOST); left > 0; left--) {
    const { kind } = random.pick(weighted)
    const classes = targetsOf(kind, topology)
    const members = classes[random.int(0, classes.length - 1)] ?? []
    const target = members[random.int(0, members.length - 1)] ?? ''
    const atMs = random.int(FIRST_AT_MS, Math.max(FIRST_AT_MS, lengthMs - SHORTEST_MS))
    const longest = LASTING.has(kind) ? LONGEST_SLOW_MS : LONGEST_MS
    const forMs = random.int(SHORTEST_MS, longest)
    const when = kind === 'journal-restored' ? { atMs: BEFORE_THE_CARS_MS, forMs: 0 } : { atMs, forMs }
    const fault = { kind, target, ...when, degree: random.fraction() }
    if (!planned.some((it) => it.target === target && meet(it, fault))) planned.push(fault)
  }
  return planned.sort((a, b) => a.atMs - b.atMs)
}

function meet(a: PlannedFault, b: PlannedFault): boolean {
  return a.atMs <= b.atMs + b.forMs && b.atMs <= a.atMs + a.forMs
}

function targetsOf(kind: FaultKind, topology: Topology): readonly (readonly string[])[] {
  switch (kind) {
    case 'kill':
    case 'stop':
      return topology.processes
    case 'cut':
    case 'slow':
    case 'stall':
    case 'trickle':
    case 'reset':
    case 'strand':
      return topology.links
    case 'power-cut':
    case 'journal-restored':
      return [topology.sites]
    case 'disk-full':
      return topology.fullable.length > 0 ? [topology.fullable] : []
    case 'postgres-full':
      return topology.databaseFullable ? [["the database's disk"]] : []
    case 'clock-step':
      return topology.clocks.map((it) => it.map((name) => `clock of ${name}`))
    case 'kill-replicas':
      return [topology.replicated]
    case 'postgres-terminated':
      return [topology.services]
    case 'cloud-out':
      return [['cloud']]
    case 'broker-wiped':
      return [['broker']]
    case 'redis-flushed':
    case 'redis-killed':
      return [['redis']]
    case 'postgres-restarted':
      return [['postgres']]
  }
}
