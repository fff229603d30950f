/**
 * What a decision is written into: it reads the site as last committed, sees its own changes, and ends as one outcome.
 * So that small decisions (end the old session, start the new one, take a reading) compose into one atomic commit.
 */
import type { Json } from '@switchyard/protocol/json.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import type { Outcome } from './site-state.ts'

export interface StateReader {
  get<T>(kind: string, id: string): T | undefined
}

/** An entity as a decision leaves it; `value` undefined: deleted. */
interface Changed {
  kind: string
  id: string
  value: Json | undefined
  /** Another one with this id, of another kind. */
  next: Changed | undefined
}

export class Draft implements StateReader {
  readonly #state: StateReader
  readonly #facts: FactDraft[] = []
  /** In their order. */
  readonly #changed: Changed[] = []
  /** By id alone: making a key of kind and id for every look-up was a twelfth of a message's CPU (measured). */
  readonly #byId = new Map<string, Changed>()

  constructor(state: StateReader) {
    this.#state = state
  }

  get<T>(kind: string, id: string): T | undefined {
    const changed = this.#find(kind, id)
    return changed ? (changed.value as T | undefined) : this.#state.get<T>(kind, id)
  }

  /** `value` must be plain JSON and is not changed afterwards. */
  put(kind: string, id: string, value: object | string | number): void {
    this.#change(kind, id, value as Json)
  }

  remove(kind: string, id: string): void {
    this.#change(kind, id, undefined)
  }

  fact(fact: FactDraft): void {
    this.#facts.push(fact)
  }

  outcome(): Outcome {
    const outcome: Outcome = { facts: this.#facts, puts: [], deletes: [] }
    for (const { kind, id, value } of this.#changed) {
      if (value === undefined) outcome.deletes.push({ kind, id })
      else outcome.puts.push({ kind, id, value })
    }
    return outcome
  }

  #change(kind: string, id: string, value: Json | undefined): void {
    const known = this.#find(kind, id)
    if (known) {
      known.value = value
      return
    }
    const changed = { kind, id, value, next: this.#byId.get(id) }
    this.#changed.push(changed)
    this.#byId.set(id, changed)
  }

  #find(kind: string, id: string): Changed | undefined {
    let changed = this.#byId.get(id)
    while (changed && changed.kind !== kind) changed = changed.next
    return changed
  }
}
