import fc from 'fast-check'
import { expect, it } from 'vitest'
import { accept } from './accept.ts'
import type { Batch } from './envelope.ts'
import { areApart, heldOfLine, lineOf, seqsOfKin, withoutHeld } from './kin.ts'

/** A box: ids of its rows by seq - 1, where its journal lies in its family, and what the cloud holds of it. */
interface Box {
  journalId: string
  base: number
  ids: string[]
  stored: { seq: number; id: string; standsForOthers: boolean }[]
}
const lastOf = (box: Box) => box.stored.at(-1)?.seq ?? 0
const lastIdOf = (box: Box) => box.stored.at(-1)?.id ?? ''
const rowAt = (box: Box, place: number) =>
  box.stored.find((it) => it.seq === place - box.base && !it.standsForOthers)
function haveParted(own: Box, kin: Box): boolean {
  const place = own.base + lastOf(own)
  const [mine, theirs] = [rowAt(own, place), rowAt(kin, place)]
  return mine !== undefined && theirs !== undefined && mine.id !== theirs.id
}

/** As a gateway takes it: the quick way, where nobody is near, looks at nobody. */
function take(own: Box, boxes: Box[], count: number): void {
  const from = lastOf(own) + 1
  const ids = own.ids.slice(from - 1, from - 1 + count)
  if (ids.length === 0) return
  const batch: Batch = {
    v: 1,
    journalId: own.journalId,
    stream: 'ledger',
    epoch: 1,
    from,
    to: from + ids.length - 1,
    prevId: lastIdOf(own),
    rows: ids.map((id) => ({ id, fact: id })),
  }
  const accepted = accept({ last: lastOf(own), lastId: lastIdOf(own), epoch: 1 }, batch, () => undefined)
  if (!accepted.accepted) throw new Error(accepted.reason)
  const me = { base: own.base, last: lastOf(own) }
  const near = boxes.filter(
    (it) => it !== own && !areApart(me, { base: it.base, last: lastOf(it) }, haveParted(own, it)),
  )
  const rows = withoutHeld(
    accepted.rows,
    ({ seq, id }) => {
      for (const kin of near) {
        const there = seqsOfKin(me, { base: kin.base, last: lastOf(kin) }, seq, seq)
        const row = there && rowAt(kin, own.base + seq)
        if (row?.id === id) return { journalId: kin.journalId, seq: row.seq }
      }
      return undefined
    },
    '',
  )
  for (const { seq, id, covers } of rows) own.stored.push({ seq, id, standsForOthers: covers !== undefined })
}

it('keeps each row of a family once, whoever brings it, in any order and wherever its forks began', () => {
  const scenario = fc.record({
    shared: fc.integer({ min: 0, max: 12 }),
    forks: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 3 }),
    own: fc.integer({ min: 0, max: 5 }),
    turns: fc.array(fc.record({ box: fc.nat(3), count: fc.integer({ min: 1, max: 6 }) }), { maxLength: 40 }),
  })
  fc.assert(
    fc.property(scenario, ({ shared, forks, own, turns }) => {
      const common = Array.from({ length: shared }, (_, i) => `r${i + 1}`)
      const ownIds = (name: string) => Array.from({ length: own }, (_, i) => `${name}${i + 1}`)
      const boxes: Box[] = [{ journalId: 'J', base: 0, ids: [...common, ...ownIds('j')], stored: [] }]
      for (const [i, at] of forks.entries()) {
        const base = Math.min(at, shared)
        const ids = [...common.slice(base), ...ownIds(`k${i}-`)]
        boxes.push({ journalId: `K${i}`, base, ids, stored: [] })
      }
      for (const { box, count } of turns) take(boxes[box % boxes.length]!, boxes, count)
      for (const it of boxes) while (lastOf(it) < it.ids.length) take(it, boxes, 4)
      const ids = boxes.flatMap((it) => it.stored.filter((row) => !row.standsForOthers).map((row) => row.id))
      const all = new Set(boxes.flatMap((it) => it.ids))
      expect([...ids].sort()).toEqual([...all].sort())
      for (const it of boxes) expect(lastIdOf(it)).toBe(it.ids.at(-1) ?? '')
    }),
    { numRuns: 500 },
  )
})

it('of the rows before a fork, what its line has told is held, and nothing that another box wrote in its place', () => {
  const root = { base: 0, last: 30 }
  expect(heldOfLine([root], 20)).toEqual({ place: 20, by: 0 })
  expect(heldOfLine([root], 40)).toEqual({ place: 30, by: 0 })
  expect(heldOfLine([root, { base: 25, last: 10 }], 40)).toEqual({ place: 35, by: 1 })
  // A cloud that went back: the second one's rows say nothing where the first one's end before them.
  expect(
    heldOfLine(
      [
        { base: 0, last: 12 },
        { base: 25, last: 10 },
      ],
      40,
    ),
  ).toEqual({ place: 12, by: 0 })
  expect(heldOfLine([], 40)).toEqual({ place: 0, by: 0 })
})

it('the line before a fork is known from the root on, or the root alone', () => {
  const [j, k, l] = [
    { journalId: 'J', forkedFrom: null },
    { journalId: 'K', forkedFrom: 'J' },
    { journalId: 'L', forkedFrom: 'K' },
  ]
  expect(lineOf([j, k, l], 'L', 'J')).toEqual([j, k, l])
  expect(lineOf([j, l], 'L', 'J')).toEqual([j])
  expect(lineOf([k, l], 'L', 'J')).toEqual([])
  expect(lineOf([{ ...j, forkedFrom: 'L' }, k, l], 'L', 'J')).toHaveLength(3)
  expect(lineOf([{ ...k, forkedFrom: 'L' }, l], 'L', 'J')).toEqual([])
})
