/**
 * The state of the site in memory: the entities as last committed. A change is journalled first and visible after, so that
 * memory never runs ahead of disk; listeners hear of facts only once they are durable.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import { type Fact, type FactDraft, streamOf } from '@switchyard/protocol/site/fact.ts'
import { randomId } from './ids.ts'
import type { Entity, EntityKey, FactRow, Heads, Journal, JournalState } from './journal/port.ts'
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
  readonly journalId: string
  readonly bootId: string
  #entities = new Map<string, Map<string, Json>>()
  #heads: Heads
  readonly #journal: Journal
  readonly #clock: Clock
  readonly #random: Random
  readonly #listeners = new Set<CommitListener>()

  constructor(journal: Journal, loaded: JournalState, clock: Clock, random: Random) {
    this.#journal = journal
    this.#clock = clock
    this.#random = random
    this.journalId = loaded.journalId
    this.bootId = randomId(random)
    this.#heads = loaded.heads
    for (const e of loaded.entities) this.#put(e)
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

  /** Facts just made durable, in order of commit. */
  onCommitted(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Journals the outcome, then makes it visible. Rejects as Journal.commit does, with nothing changed. */
  async commit(outcome: Outcome, trace?: string): Promise<Heads> {
    const { facts, puts, deletes } = outcome
    if (facts.length + puts.length + deletes.length === 0) return this.#heads
    const stamped = facts.map((draft) => this.#stamp(draft, trace))
    const rows: FactRow[] = stamped.map((f) => ({
      stream: streamOf(f.kind),
      id: randomId(this.#random),
      text: JSON.stringify(f),
    }))
    const heads = await this.#journal.commit({ facts: rows, puts, deletes })
    for (const e of puts) this.#put(e)
    for (const k of deletes) this.#entities.get(k.kind)?.delete(k.id)
    if (heads.ledger.seq >= this.#heads.ledger.seq && heads.telemetry.seq >= this.#heads.telemetry.seq)
      this.#heads = heads
    if (stamped.length > 0) for (const listener of this.#listeners) listener(stamped, heads)
    return heads
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
