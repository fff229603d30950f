/** What services tell of themselves while they are under load: CPU, memory, requests, facts, and how far they are behind. */
import { readFileSync } from 'node:fs'
import { cpuSeconds, residentMb } from '../bench/server-process.ts'
import type { Program } from '../src/process.ts'

const LOOK_EVERY_MS = 1_000

export interface Figures {
  cpuSeconds: number
  /** Most memory that it was seen with, MB. */
  memoryMb: number
  requests: number
  /** Upper bound of the bucket in which the quantile lies, ms; undefined where nobody asked. */
  latencyMs: { p50: number; p95: number; p99: number } | undefined
  /** Entries of the log that its consumer has taken. */
  entries: number
  /** Over all looks. */
  lag: { mostEntries: number; mostSeconds: number; lastEntries: number }
}

interface Look {
  cpuSeconds: number
  buckets: Map<number, number>
  entries: number
  lagEntries: number
  lagSeconds: number
}

export class Watch {
  readonly #program: Program
  readonly #url: string
  readonly #timer: NodeJS.Timeout
  #first: Look | undefined
  #memoryMb = 0
  #lag = { mostEntries: 0, mostSeconds: 0, lastEntries: 0 }

  private constructor(program: Program, url: string) {
    this.#program = program
    this.#url = url
    this.#timer = setInterval(() => void this.#look().catch(() => {}), LOOK_EVERY_MS)
  }

  static async begin(program: Program, url: string): Promise<Watch> {
    const watch = new Watch(program, url)
    watch.#first = await watch.#look()
    return watch
  }

  async end(): Promise<Figures> {
    clearInterval(this.#timer)
    const last = await this.#look()
    const first = this.#first!
    const buckets = new Map([...last.buckets].map(([le, n]) => [le, n - (first.buckets.get(le) ?? 0)]))
    const requests = buckets.get(Number.POSITIVE_INFINITY) ?? 0
    const at = (share: number) =>
      1_000 *
      ([...buckets].sort(([a], [b]) => a - b).find(([, n]) => n >= share * requests)?.[0] ??
        Number.POSITIVE_INFINITY)
    return {
      cpuSeconds: last.cpuSeconds - first.cpuSeconds,
      memoryMb: this.#memoryMb,
      requests,
      latencyMs: requests === 0 ? undefined : { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
      entries: last.entries - first.entries,
      lag: this.#lag,
    }
  }

  async #look(): Promise<Look> {
    const text = await (await fetch(`${this.#url}/metrics`)).text()
    const pid = this.#program.pid!
    const look: Look = {
      cpuSeconds: cpuSeconds(pid),
      buckets: new Map(),
      entries: sum(text, 'switchyard_consumer_entries_total'),
      lagEntries: sum(text, 'switchyard_consumer_lag_entries'),
      lagSeconds: sum(text, 'switchyard_consumer_lag_seconds'),
    }
    for (const [, labels = '', value] of samples(text, 'switchyard_http_request_seconds_bucket')) {
      const le = Number(/le="([^"]+)"/.exec(labels)?.[1]?.replace('+Inf', 'Infinity'))
      look.buckets.set(le, (look.buckets.get(le) ?? 0) + Number(value))
    }
    this.#memoryMb = Math.max(this.#memoryMb, residentMb(pid))
    this.#lag = {
      mostEntries: Math.max(this.#lag.mostEntries, look.lagEntries),
      mostSeconds: Math.max(this.#lag.mostSeconds, look.lagSeconds),
      lastEntries: look.lagEntries,
    }
    return look
  }
}

/** Over all label sets. */
function sum(text: string, name: string): number {
  return samples(text, name).reduce((total, [, , value]) => total + Number(value), 0)
}

function samples(text: string, name: string): RegExpExecArray[] {
  return [...text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))]
}

/** Cores of this machine, and its load average of the last minute when it is asked. */
export function machine(): string {
  const cores = readFileSync('/proc/cpuinfo', 'utf8').match(/^processor\s/gm)?.length ?? 0
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
  return `${cores} cores, load average ${load}`
}
