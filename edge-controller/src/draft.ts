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

/** Between kind and id in a key; no kind has one. */
const SEPARATOR = '\n'

export class Draft implements StateReader {
  readonly #state: StateReader
  readonly #facts: FactDraft[] = []
  /** undefined: deleted. */
  readonly #changed = new Map<string, Json | undefined>()

  constructor(state: StateReader) {
    this.#state = state
  }

  get<T>(kind: string, id: string): T | undefined {
    const key = kind + SEPARATOR + id
    if (this.#changed.has(key)) return this.#changed.get(key) as T | undefined
    return this.#state.get<T>(kind, id)
  }

  /** `value` must be plain JSON and is not changed afterwards. */
  put(kind: string, id: string, value: object | string | number): void {
    this.#changed.set(kind + SEPARATOR + id, value as Json)
  }

  remove(kind: string, id: string): void {
    this.#changed.set(kind + SEPARATOR + id, undefined)
  }

  fact(fact: FactDraft): void {
    this.#facts.push(fact)
  }

  outcome(): Outcome {
    const outcome: Outcome = { facts: this.#facts, puts: [], deletes: [] }
    for (const [key, value] of this.#changed) {
      const at = key.indexOf(SEPARATOR)
      const entity = { kind: key.slice(0, at), id: key.slice(at + 1) }
      if (value === undefined) outcome.deletes.push(entity)
      else outcome.puts.push({ ...entity, value })
    }
    return outcome
  }
}
