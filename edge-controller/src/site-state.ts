/**
 * The state of the site in memory: the entities as last committed. A change is journalled first and visible after, so that
 * memory never runs ahead of disk; listeners hear of facts only once they are durable.
 */

import { instant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import {
  type Fact,
  type FactData,
  type FactDraft,
  type Stream,
  streamOf,
} from '@switchyard/protocol/site/fact.ts'
import { randomId } from './ids.ts'
import {
  type Change,
  type Entity,
  type EntityKey,
  type FactRow,
  type Heads,
  type Journal,
  JournalFull,
  type JournalState,
} from './journal/port.ts'
import { PRESSURE, type PressureLevel } from './journal/pressure.ts'
import type { Clock, Random } from './ports.ts'

/** What a decision wants to become durable, before stamping. */
export interface Outcome {
  facts: FactDraft[]
  puts: Entity[]
  deletes: EntityKey[]
}
export const NOTHING: Outcome = { facts: [], puts: [], deletes: [] }

export type CommitListener = (facts: Fact[], heads: Heads) => void

export class SiteState {
  #journalId: string
  readonly bootId: string
  #entities = new Map<string, Map<string, Json>>()
  #heads: Heads
  readonly #journal: Journal
  readonly #clock: Clock
  readonly #random: Random
  readonly #listeners = new Set<CommitListener>()
  readonly #atFork = new Set<(shared: Record<Stream, number>) => Outcome>()
  #pressure: PressureLevel = PRESSURE.none
  #unwritten = 0

  constructor(journal: Journal, loaded: JournalState, clock: Clock, random: Random) {
    this.#journal = journal
    this.#clock = clock
    this.#random = random
    this.#journalId = loaded.journalId
    this.bootId = randomId(random)
    this.#heads = loaded.heads
    for (const e of loaded.entities) this.#put(e)
  }

  get journalId(): string {
    return this.#journalId
  }

  /** Entity values are treated as immutable: a change is a new value in a commit. */
  get<T>(kind: string, id: string): T | undefined {
    return this.#entities.get(kind)?.get(id) as T | undefined
  }

  list<T>(kind: string): T[] {
    return [...(this.#entities.get(kind)?.values() ?? [])] as T[]
  }

  get heads(): Heads {
    return this.#heads
  }

  /** From `level` on what it asks for is given up; returns how many facts of telemetry were not written since the last change. */
  pressAt(level: PressureLevel): number {
    const unwritten = this.#unwritten
    if (level !== this.#pressure) this.#unwritten = 0
    this.#pressure = level
    return unwritten
  }

  /** What the disk of the journal asks to give up. */
  get pressure(): PressureLevel {
    return this.#pressure
  }

  /** The disk is too full for another session. */
  get refusesSessions(): boolean {
    return this.#pressure >= PRESSURE.noSessions
  }

  /** Facts just made durable, in order of commit. */
  onCommitted(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Journals the outcome, then makes it visible. Rejects as Journal.commit does, with nothing changed. */
  async commit(outcome: Outcome, trace?: string): Promise<Heads> {
    const { puts, deletes } = outcome
    const facts = this.#pressure >= PRESSURE.noTelemetry ? this.#essential(outcome.facts) : outcome.facts
    const isReading = facts.length === 0 && outcome.facts.length > 0
    // On the reserve a reading leaves no trace at all: the registers that money needs are ledger.
    if (isReading && this.#pressure >= PRESSURE.reserve) return this.#heads
    if (facts.length + puts.length + deletes.length === 0) return this.#heads
    const stamped = facts.map((draft) => this.#stamp(draft, trace))
    const written = this.#journal.commit(this.#change(stamped, outcome))
    if (mutated('answer-before-commit')) return this.#unawaited(written, stamped, outcome)
    const heads = await written
    this.#apply(outcome)
    if (heads.ledger.seq >= this.#heads.ledger.seq && heads.telemetry.seq >= this.#heads.telemetry.seq)
      this.#heads = heads
    if (stamped.length > 0) for (const listener of this.#listeners) listener(stamped, heads)
    return heads
  }

  /** What shall become durable together with a fork, asked for when there is one; returns how to take it back. */
  atFork(contribute: (shared: Record<Stream, number>) => Outcome): () => void {
    this.#atFork.add(contribute)
    return () => this.#atFork.delete(contribute)
  }

  /**
   * Goes on as a new journal in place: rows after the shared ones become its first, under the ids they have; a negative count takes
   * up rows of the journals before. Nothing else at the site is disturbed. Rejects as a commit does; then the journal is the old one, and it may be tried again.
   */
  async fork(shared: Record<Stream, number>, reason: FactData<'journal.forked'>['reason']): Promise<void> {
    const journalId = randomId(this.#random)
    const whole = { ledger: Math.max(0, shared.ledger), telemetry: Math.max(0, shared.telemetry) }
    const parts = [...this.#atFork].map((contribute) => contribute(shared))
    const outcome: Outcome = {
      facts: [
        { kind: 'journal.forked', data: { fromJournalId: this.#journalId, shared: whole, reason } },
        ...parts.flatMap((it) => it.facts),
      ],
      puts: parts.flatMap((it) => it.puts),
      deletes: parts.flatMap((it) => it.deletes),
    }
    const stamped = outcome.facts.map((draft) => this.#stamp(draft, undefined))
    const heads = await this.#journal.fork({ journalId, shared, change: this.#change(stamped, outcome) })
    this.#journalId = journalId
    this.#heads = heads
    this.#apply(outcome)
    for (const listener of this.#listeners) listener(stamped, heads)
  }

  #change(facts: readonly Fact[], { puts, deletes }: Outcome): Change {
    const rows: FactRow[] = facts.map((f) => ({
      stream: streamOf(f.kind),
      id: randomId(this.#random),
      text: JSON.stringify(f),
    }))
    return { facts: rows, puts, deletes }
  }

  #apply({ puts, deletes }: Outcome): void {
    for (const e of puts) this.#put(e)
    for (const k of deletes) this.#entities.get(k.kind)?.delete(k.id)
  }

  /** What is still written of facts while the disk is full: the state that a reading changes is, the reading is not. */
  #essential(facts: FactDraft[]): FactDraft[] {
    if (this.#pressure >= PRESSURE.reserve && facts.some((f) => f.kind === 'session.started'))
      throw new JournalFull('the reserve of the disk is for sessions that run')
    const kept = facts.filter((f) => streamOf(f.kind) === 'ledger')
    this.#unwritten += facts.length - kept.length
    return kept
  }

  /** Only where the bug is planted: nobody waits for the disk. */
  #unawaited(written: Promise<Heads>, stamped: Fact[], outcome: Outcome): Heads {
    this.#apply(outcome)
    const later = (heads: Heads): void => {
      this.#heads = heads
      for (const listener of this.#listeners) listener(stamped, heads)
    }
    written.then(later, () => {})
    return this.#heads
  }

  /** `undefined` fields stay out of the text; they are not spread in, which would cost more than the text (measured). */
  #stamp(draft: FactDraft, trace: string | undefined): Fact {
    return {
      kind: draft.kind,
      stationId: draft.stationId,
      sessionId: draft.sessionId,
      at: instant(this.#clock.now()),
      monoMs: Math.round(this.#clock.mono()),
      bootId: this.bootId,
      clock: this.#clock.quality(),
      trace,
      data: draft.data,
    } as Fact
  }

  #put(e: Entity): void {
    const byId = this.#entities.get(e.kind) ?? new Map<string, Json>()
    byId.set(e.id, e.value)
    this.#entities.set(e.kind, byId)
  }
}
