/** What every part of a world is given: its time, its randomness, where it tells what it does, and where broken promises go. */
import { type Random, seededRandom } from '../random.ts'
import { Scheduler } from './scheduler.ts'
import { Trace } from './trace.ts'
import type { Invariant, Violation } from './violation.ts'

/** Wall clock at the beginning of every world, UTC. */
export const WORLD_BEGINS = '2026-03-02T06:00:00.000Z'
const BEGIN_MS = Date.parse(WORLD_BEGINS)
/** Violations that are kept; one is enough to fail. */
const MAX_VIOLATIONS = 20

/** How a world is told; what happens in it is the same. */
export interface Telling {
  print?: ((line: string) => void) | undefined
  /** Every frame between charger and site as well. */
  frames?: boolean
}

export class Stage {
  readonly scheduler = new Scheduler()
  readonly trace: Trace
  readonly violations: Violation[] = []
  /** Faults that happened, by kind. */
  readonly faults = new Map<string, number>()
  readonly #random: Random

  /** Frames of chargers belong to the story. */
  readonly tellsFrames: boolean

  constructor(seed: number, { print, frames = false }: Telling = {}) {
    this.trace = new Trace(() => this.nowMs, print)
    this.tellsFrames = frames
    this.#random = seededRandom(`world ${seed}`)
  }

  /** ms since the world began. */
  get nowMs(): number {
    return this.scheduler.nowMs
  }

  /** What a clock without fault shows, ms since the epoch. */
  get wallMs(): number {
    return BEGIN_MS + this.scheduler.nowMs
  }

  after(delayMs: number, work: () => void): () => void {
    return this.scheduler.after(delayMs, work)
  }

  /** A stream of its own: what one part draws shifts nothing in another. */
  random(name: string): Random {
    return this.#random.fork(name)
  }

  tell(who: string, what: string): void {
    this.trace.tell(who, what)
  }

  fault(kind: string, who: string, what: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
    this.tell(who, `FAULT ${kind}: ${what}`)
  }

  broken(invariant: Invariant, what: string): void {
    this.tell('oracle', `VIOLATION ${invariant}: ${what}`)
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push({ invariant, what, atMs: this.nowMs })
  }
}
