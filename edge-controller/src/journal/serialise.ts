/** State entities as JSON text on their way to disk and back. */
import type { Json } from '@switchyard/protocol/json.ts'
import { type Change, ChangeRefused, type JournalState } from './port.ts'
import type { LoadedJournal, SerialisedChange } from './sqlite.ts'

/** Throws ChangeRefused for a value that is no JSON. */
export function serialise(change: Change): SerialisedChange {
  const puts = change.puts.map(({ kind, id, value }) => {
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) throw new ChangeRefused(`entity ${kind}/${id} has no JSON value`)
    return { kind, id, json }
  })
  return { facts: change.facts, puts, deletes: change.deletes }
}

export function revived(loaded: LoadedJournal): JournalState {
  const entities = loaded.entities.map(({ kind, id, json }) => ({
    kind,
    id,
    value: JSON.parse(json) as Json,
  }))
  return { ...loaded, entities }
}
