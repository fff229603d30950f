/** Seeds shared out to processes: each takes a few at a time, for one may take ten times as long as another. */
import { fork } from 'node:child_process'
import { type Report, World } from './world.ts'

const SEEDS_AT_A_TIME = 5
/** Violating seeds after which a search ends: more would say the same. */
const MAX_FAILED = 20

interface Task {
  from: number
  to: number
}

export interface Search {
  from: number
  seeds: number
  processes: number
}

/** Reports by seed, in order; fewer than asked for only where very many fail. */
export async function search({ from, seeds, processes }: Search): Promise<Report[]> {
  const reports: Report[] = []
  let next = from
  const end = from + seeds
  const take = (): Task | undefined => {
    if (next >= end || reports.filter((it) => it.violations.length > 0).length >= MAX_FAILED) return undefined
    const task = { from: next, to: Math.min(end, next + SEEDS_AT_A_TIME) }
    next = task.to
    return task
  }
  await Promise.all(Array.from({ length: processes }, () => employ(take, (report) => reports.push(report))))
  return reports.sort((a, b) => a.seed - b.seed)
}

function employ(take: () => Task | undefined, done: (report: Report) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1]!, [], { serialization: 'advanced' })
    let left = 0
    const give = (): void => {
      const task = take()
      if (!task) {
        child.disconnect()
        return
      }
      left = task.to - task.from
      child.send(task)
    }
    child.on('message', (report: Report) => {
      done(report)
      if (--left === 0) give()
    })
    child.once('error', reject)
    child.once('exit', (code) =>
      left === 0 ? resolve() : reject(new Error(`a process of the simulation ended with ${code}`)),
    )
    give()
  })
}

/** The life of such a process. */
export function workAsCrew(): void {
  process.on('message', async ({ from, to }: Task) => {
    for (let seed = from; seed < to; seed++) process.send?.(await World.run(seed))
  })
}
