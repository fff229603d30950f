/** CPU time of the processes that take part, in seconds: what a machine that others use as well cannot blur. Linux only. */
import { readFileSync } from 'node:fs'
import type { Sql } from 'postgres'
import type { System } from '../src/system.ts'

const TICKS_PER_SECOND = 100

export interface CpuSeconds {
  cloud: number
  database: number
  /** The load itself. */
  load: number
}

export async function cpuSeconds(system: System, sql: Sql): Promise<CpuSeconds> {
  const { user, system: kernel } = process.cpuUsage()
  return {
    cloud: ofProcess(system.cloud.pid!),
    database: await databaseCpuSeconds(sql),
    load: (user + kernel) / 1e6,
  }
}

/** Of the backends that work for this database now, and of those that write for all. */
export async function databaseCpuSeconds(sql: Sql): Promise<number> {
  const backends = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database() or backend_type in ('walwriter', 'checkpointer', 'background writer')`
  return backends.reduce((sum, { pid }) => sum + ofProcess(pid), 0)
}

export function perFact(before: CpuSeconds, after: CpuSeconds, facts: number): string {
  const micros = (of: keyof CpuSeconds) => Math.round(((after[of] - before[of]) * 1e6) / facts)
  return `CPU per fact: cloud with broker ${micros('cloud')} us, database ${micros('database')} us, the load itself ${micros('load')} us`
}

function ofProcess(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}
