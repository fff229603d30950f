/**
 * How new what is known of a session's bill is: the revision of its end, the decision of a person that was heard of, and within
 * these a decision before a hold, a hold before a bill. What is older than what is shown changes nothing, so that facts may come twice.
 */
import type { ReadEntry } from './entry.ts'

export interface BillVersion {
  revision: number
  settlement: number
  rank: number
}

/** The version of a fact; undefined for one that says nothing of a bill (a credit is told of by what follows it). */
export function billVersionOf(fact: ReadEntry): BillVersion | undefined {
  switch (fact.kind) {
    case 'session.reviewed':
      return { revision: fact.data.revision, settlement: fact.data.settlement, rank: 0 }
    case 'session.held':
      return { revision: fact.data.revision, settlement: fact.data.settlement, rank: 1 }
    case 'cdr.issued': {
      const { cdr } = fact.data
      return cdr.credit ? undefined : { revision: cdr.revision, settlement: cdr.settlement, rank: 2 }
    }
    default:
      return undefined
  }
}

/** The same version may be told again, with other reasons for a hold. */
export function isOutdated(version: BillVersion, shown: BillVersion): boolean {
  if (version.revision !== shown.revision) return version.revision < shown.revision
  if (version.settlement !== shown.settlement) return version.settlement < shown.settlement
  return version.rank < shown.rank
}
