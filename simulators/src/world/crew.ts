/** Seeds shared out to processes: each takes a few at a time, for one may take ten times as long as another. */
import { fork } from 'node:child_process'
import { type Mutation, plant } from '@switchyard/protocol/mutation.ts'
import { type Report, World } from './world.ts'

const SEEDS_AT_A_TIME = 5
/** Violating seeds after which a search ends: more would say the same. */
const MAX_FAILED = 20

interface Task {
  from: number
  to: number
  /** Planted while it runs; then the first broken promise ends the task. */
  mutation?: Mutation
}

/** Answers come one by one; `isLast` ends the task. */
interface Answer {
  report: Report
  isLast: boolean
}

export interface Search {
  from: number
  seeds: number
  processes: number
}

/** Tells of every seed as it ends, in any order; of fewer than asked for only where very many fail. */
export async function search(
  { from, seeds, processes }: Search,
  told: (report: Report) => void,
): Promise<void> {
  let next = from
  let failed = 0
  const end = from + seeds
  const take = (): Task | undefined => {
    if (next >= end || failed >= MAX_FAILED) return undefined
    const task = { from: next, to: Math.min(end, next + SEEDS_AT_A_TIME) }
    next = task.to
    return task
  }
  await employ(processes, take, (report) => {
    if (report.violations.length > 0) failed++
    told(report)
  })
}

export interface Hunted {
  mutation: Mutation
  /** The first that broke a promise; undefined: none did. */
  caught: Report | undefined
  seeds: number
}

/** Plants one bug after the other and looks for a seed that notices it. */
export async function hunt(
  { from, seeds, processes }: Search,
  mutations: readonly Mutation[],
  told: (hunted: Hunted) => void,
): Promise<Hunted[]> {
  const hunted = new Map<string, Hunted>()
  const left = [...mutations]
  const take = (): Task | undefined => {
    const mutation = left.shift()
    return mutation && { mutation, from, to: from + seeds }
  }
  await employ(processes, take, (report, { mutation }) => {
    const before = hunted.get(mutation!)?.seeds ?? 0
    const caught = report.violations.length > 0 ? report : undefined
    const now = { mutation: mutation!, caught, seeds: before + 1 }
    hunted.set(mutation!, now)
    if (caught || now.seeds === seeds) told(now)
  })
  return mutations.flatMap((it) => hunted.get(it) ?? [])
}

async function employ(
  processes: number,
  take: () => Task | undefined,
  done: (report: Report, task: Task) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: processes }, () => employOne(take, done)))
}

function employOne(take: () => Task | undefined, done: (report: Report, task: Task) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1]!, [], { serialization: 'advanced' })
    let task: Task | undefined
    const give = (): void => {
      task = take()
      if (task) child.send(task)
      else child.disconnect()
    }
    child.on('message', ({ report, isLast }: Answer) => {
      done(report, task!)
      if (isLast) give()
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      if (!task) resolve()
      else reject(new Error(`a process of the simulation ended with ${code} at ${JSON.stringify(task)}`))
    })
    give()
  })
}

/** The life of such a process. */
export function workAsCrew(): void {
  process.on('message', async ({ from, to, mutation }: Task) => {
    plant(mutation)
    for (let seed = from; seed < to; seed++) {
      const report = await World.run(seed)
      const isLast = seed + 1 === to || (mutation !== undefined && report.violations.length > 0)
      process.send?.({ report, isLast } satisfies Answer)
      if (isLast) return
    }
  })
}
