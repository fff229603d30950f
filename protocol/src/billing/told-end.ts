/**
 * Which end of a session counts, where two boxes tell of it: a card was cloned while it ran, and the box without the station presumes an
 * end that the other one hears from the station. Revisions count within one journal only; a told end goes before every presumed one,
 * whatever its number and whichever comes first. Pure.
 */
import { mutated } from '../mutation.ts'
import type { Ended } from './settle.ts'

/** What is kept of a session of which an end was presumed. */
export interface PresumedEnd {
  /** The newest revision that was presumed. */
  revision: number
  /** What is added to revisions that are told, so that they follow it; undefined: none was told yet. */
  shift: number | undefined
}

/** The end under the revision that it has among all that are known, and what to keep. */
export interface Placed {
  ended: Ended
  presumed: PresumedEnd | undefined
}

/**
 * Undefined: it is presumed, and an end was told. `isKnown`: an end is known already, presumed or told. Told twice it is placed alike;
 * where no end was presumed, an end keeps its revision.
 */
export function placeEnd(
  ended: Ended,
  presumed: PresumedEnd | undefined,
  isKnown: boolean,
): Placed | undefined {
  const { revision } = ended
  if (mutated('presumed-as-told')) return { ended, presumed }
  if (ended.presumed) {
    const isTold = presumed ? presumed.shift !== undefined : isKnown
    if (isTold) return undefined
    return { ended, presumed: { revision: Math.max(revision, presumed?.revision ?? 0), shift: undefined } }
  }
  if (presumed === undefined) return { ended, presumed }
  const shift = presumed.shift ?? Math.max(0, presumed.revision + 1 - revision)
  return { ended: { ...ended, revision: revision + shift }, presumed: { ...presumed, shift } }
}
