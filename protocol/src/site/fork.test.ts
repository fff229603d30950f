import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Checkpoint,
  firstBounds,
  isExact,
  MAX_CHECKPOINTS,
  MAX_PROBES,
  narrowed,
  spacedBelow,
  spacedWithin,
} from './fork.ts'

/** A history: ids of its rows by seq, some of them standing for several (holes in the map). */
type History = Map<number, string>

/** Row ids from 1 on: `shared` common rows, then own ones. */
function history(shared: number, own: number, side: string): History {
  const rows: History = new Map()
  for (let seq = 1; seq <= shared + own; seq++) rows.set(seq, seq <= shared ? `s${seq}` : `${side}${seq}`)
  return rows
}
const head = (rows: History): number => Math.max(0, ...rows.keys())

/** As a cloud answers: the row at each seq, or the nearest below it within the bounds. */
function told(rows: History, seqs: readonly number[], above: number): Checkpoint[] {
  const found = new Map<number, string>()
  for (const wanted of seqs)
    for (let seq = wanted; seq > above; seq--) {
      const rowId = rows.get(seq)
      if (rowId === undefined) continue
      found.set(seq, rowId)
      break
    }
  return [...found].map(([seq, rowId]) => ({ seq, rowId }))
}

/** The whole search; gives the seq found and how often the cloud was asked. */
function search(site: History, cloud: History, pruned = 0): { shared: number; questions: number } {
  const ownId = (seq: number) => (seq < pruned ? undefined : site.get(seq))
  const expected = head(cloud)
  let bounds = firstBounds({ head: head(site), pruned, expected })
  bounds = narrowed(bounds, told(cloud, spacedBelow(bounds.differs - 1), 0), ownId)
  let questions = 1
  while (!isExact(bounds)) {
    const checkpoints = told(cloud, spacedWithin(bounds), bounds.shared)
    const next = narrowed(bounds, checkpoints, ownId)
    questions++
    if (next.shared === bounds.shared && next.differs === bounds.differs) break
    bounds = next
  }
  return { shared: bounds.shared, questions }
}

const length = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 6_000 }))

describe('the search for the row where two histories part', () => {
  it('finds exactly the newest shared row, however far back, in few questions', () => {
    fc.assert(
      fc.property(length, length, length, (shared, ofSite, ofCloud) => {
        const found = search(history(shared, ofSite, 'a'), history(shared, ofCloud, 'b'))
        expect(found.shared).toBe(shared)
        expect(found.questions).toBeLessThanOrEqual(4)
      }),
      { numRuns: 80 },
    )
  })

  it('re-emits nothing that is shared and loses nothing that is not: both sides together have every row once', () => {
    fc.assert(
      fc.property(length, length, length, (shared, ofSite, ofCloud) => {
        const site = history(shared, ofSite, 'a')
        const cloud = history(shared, ofCloud, 'b')
        const from = search(site, cloud).shared
        const again = [...site].filter(([seq]) => seq > from).map(([, id]) => id)
        const all = [...cloud.values(), ...again]
        expect(new Set(all).size).toBe(all.length)
        expect(new Set(all)).toEqual(new Set([...cloud.values(), ...site.values()]))
      }),
      { numRuns: 50 },
    )
  })

  it('counts what is pruned at the site as shared, and looks no further back', () => {
    fc.assert(
      fc.property(length, length, length, fc.nat(), (shared, ofSite, ofCloud, n) => {
        const pruned = n % (shared + 1)
        expect(search(history(shared, ofSite, 'a'), history(shared, ofCloud, 'b'), pruned).shared).toBe(
          shared,
        )
      }),
      { numRuns: 50 },
    )
  })

  it('ends, and never calls shared what is not, where rows of either side stand for several', () => {
    const holes = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 300 })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        holes,
        holes,
        (shared, ofSite, ofCloud, inSite, inCloud) => {
          const site = history(shared, ofSite, 'a')
          const cloud = history(shared, ofCloud, 'b')
          // A row that stands for several ends where its last one did, so the newest keeps its place.
          for (const seq of inSite) if (seq < head(site)) site.delete(seq)
          for (const seq of inCloud) if (seq < head(cloud)) cloud.delete(seq)
          const found = search(site, cloud)
          const both = [...site].filter(([seq, id]) => cloud.get(seq) === id).map(([seq]) => seq)
          expect(found.shared).toBe(
            Math.max(0, ...both.filter((seq) => seq <= Math.min(head(site), head(cloud)))),
          )
          expect(found.questions).toBeLessThanOrEqual(MAX_PROBES)
        },
      ),
    )
  })

  it('needs no more questions than are allowed for any length of journal', () => {
    let bounds = { shared: 0, differs: 2 ** 53 - 1 }
    const fork = 123_456_789_012_345
    let questions = 0
    const ownId = (seq: number) => (seq <= fork ? 's' : 'a')
    for (; !isExact(bounds); questions++)
      bounds = narrowed(
        bounds,
        spacedWithin(bounds).map((seq) => ({ seq, rowId: seq <= fork ? 's' : 'b' })),
        ownId,
      )
    expect(bounds.shared).toBe(fork)
    expect(questions).toBeLessThanOrEqual(MAX_PROBES)
  })

  it('tells few checkpoints, dense where forks are young', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (top) => {
        const seqs = spacedBelow(top)
        expect(seqs.length).toBeLessThanOrEqual(MAX_CHECKPOINTS)
        expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => b - a))
        expect(seqs.slice(0, 10)).toEqual(Array.from({ length: Math.min(10, top) }, (_, i) => top - i))
        expect(seqs.every((seq) => seq >= 1 && seq <= top)).toBe(true)
      }),
    )
    expect(spacedWithin({ shared: 10, differs: 14 })).toEqual([13, 12, 11])
    expect(spacedWithin({ shared: 10, differs: 11 })).toEqual([])
    expect(spacedWithin({ shared: 0, differs: 1_000_001 })).toHaveLength(MAX_CHECKPOINTS)
  })
})
