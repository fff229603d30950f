/**
 * A group of changes as one flat list of texts and numbers for its way to the worker thread: cloning a list of primitives
 * costs a third of cloning the objects (measured), and this is on the path of every message.
 */
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import type { SerialisedChange } from './sqlite.ts'

/** Per change: counts of facts, puts and deletes, then their fields in order. */
export type FlatChanges = (string | number)[]

export function appendFlat(flat: FlatChanges, { facts, puts, deletes }: SerialisedChange): void {
  flat.push(facts.length, puts.length, deletes.length)
  for (const { stream, id, text } of facts) flat.push(STREAMS.indexOf(stream), id, text)
  for (const { kind, id, json } of puts) flat.push(kind, id, json)
  for (const { kind, id } of deletes) flat.push(kind, id)
}

export function readFlat(flat: FlatChanges): SerialisedChange[] {
  const changes: SerialisedChange[] = []
  let i = 0
  const text = () => flat[i++] as string
  const number = () => flat[i++] as number
  while (i < flat.length) {
    const [facts, puts, deletes] = [number(), number(), number()]
    const change: SerialisedChange = { facts: [], puts: [], deletes: [] }
    for (let n = 0; n < facts; n++)
      change.facts.push({ stream: STREAMS[number()]!, id: text(), text: text() })
    for (let n = 0; n < puts; n++) change.puts.push({ kind: text(), id: text(), json: text() })
    for (let n = 0; n < deletes; n++) change.deletes.push({ kind: text(), id: text() })
    changes.push(change)
  }
  return changes
}
