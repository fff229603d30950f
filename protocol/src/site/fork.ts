/**
 * Where two histories of one journal part: the newest row that site and cloud share. The cloud tells ids of some of its rows
 * (checkpoints), the site compares them with its own, and asks again inside what is left open, until nothing is. Pure.
 *
 * A journal only grows and a row names nothing but itself, so histories that part never meet again: below the newest shared row
 * everything is shared, above the oldest differing one nothing is.
 */

/** Most checkpoints of a stream in one welcome: each question leaves at most a 65th of the rows open. */
export const MAX_CHECKPOINTS = 64
/** Newest rows that are told one by one, for most forks are young. */
const DENSE_CHECKPOINTS = 16
/** More questions than any two histories need (64-fold each, 2^53 rows); a search that takes longer is given up. */
export const MAX_PROBES = 12

/** An id of ours, in the place of one that a damaged journal lost: it says nothing of which row it was. */
export const LOST_ID = 'lost-'
export const isLostId = (id: string): boolean => id.startsWith(LOST_ID)

export interface Checkpoint {
  seq: number
  rowId: string
}

/** What is known of one stream: `shared` is the same on both sides (0: before the first row), `differs` and all above it is not. */
export interface ForkBounds {
  shared: number
  differs: number
}

/** Before anything was compared. Rows pruned at the site count as shared: the cloud has acknowledged them. */
export function firstBounds(at: { head: number; pruned: number; expected: number }): ForkBounds {
  const differs = Math.min(at.head, at.expected) + 1
  return { shared: Math.min(at.pruned, differs - 1), differs }
}

/** After the site compared; `ownId` is undefined for a row that it cannot tell, which then says nothing. */
export function narrowed(
  bounds: ForkBounds,
  checkpoints: readonly Checkpoint[],
  ownId: (seq: number) => string | undefined,
): ForkBounds {
  let { shared, differs } = bounds
  for (const { seq, rowId } of checkpoints) {
    if (seq <= shared || seq >= differs) continue
    const own = ownId(seq)
    if (own === undefined) continue
    if (own === rowId) shared = seq
    else differs = seq
  }
  return { shared, differs }
}

/** The shared row is found: no row lies between. */
export function isExact({ shared, differs }: ForkBounds): boolean {
  return differs - shared <= 1
}

/** Seqs that a cloud tells which sees a fork: the newest one by one, then ever further apart, down to the first. Newest first. */
export function spacedBelow(top: number): number[] {
  const seqs: number[] = []
  let seq = top
  for (; seq >= 1 && seqs.length < DENSE_CHECKPOINTS; seq--) seqs.push(seq)
  for (let step = 2; seq >= 1 && seqs.length < MAX_CHECKPOINTS; step *= 2) {
    seqs.push(seq)
    seq -= step
  }
  return seqs
}

/** Seqs evenly spaced between two, both left out; the highest is always among them. Newest first. */
export function spacedWithin({ shared, differs }: ForkBounds): number[] {
  const inside = differs - shared - 1
  const count = Math.min(inside, MAX_CHECKPOINTS)
  return Array.from({ length: Math.max(0, count) }, (_, i) => differs - 1 - Math.floor((i * inside) / count))
}
