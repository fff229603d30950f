import { describe, expect, it } from 'vitest'
import type { Ended } from './settle.ts'
import { type PresumedEnd, placeEnd } from './told-end.ts'

const end = (revision: number, presumed: boolean): Ended => ({
  evseId: 1,
  connectorId: 1,
  revision,
  startedAt: '2026-03-02T06:00:00.000Z',
  endedAt: '2026-03-02T07:00:00.000Z',
  durationMs: 3_600_000,
  authorization: 'Accepted',
  reason: 'Local',
  presumed,
  review: [],
  profile: [],
  transactionId: '1',
})
const told = (revision: number) => end(revision, false)
const presumed = (revision: number) => end(revision, true)

/** Revisions under which ends are taken, in the order in which they come; undefined: not at all. */
function placed(...ends: Ended[]): (number | undefined)[] {
  let kept: PresumedEnd | undefined
  let isKnown = false
  return ends.map((ended) => {
    const at = placeEnd(ended, kept, isKnown)
    if (at) kept = at.presumed
    isKnown = true
    return at?.ended.revision
  })
}

describe('an end that a station told', () => {
  it('follows the one that another box presumed, though both are the first of their journals', () => {
    expect(placed(presumed(1), told(1))).toEqual([1, 2])
    expect(placed(presumed(1), presumed(2), presumed(3), told(1), told(2))).toEqual([1, 2, 3, 4, 5])
  })

  it('is never replaced by one that is presumed, whatever its number', () => {
    expect(placed(told(1), presumed(1), presumed(2), told(2))).toEqual([1, undefined, undefined, 2])
    expect(placed(presumed(1), told(1), presumed(2))).toEqual([1, 2, undefined])
  })

  it('keeps its number in one journal, where a late stop is the next revision', () => {
    expect(placed(presumed(1), told(2), told(3))).toEqual([1, 2, 3])
    expect(placed(told(1), told(2))).toEqual([1, 2])
  })

  it('is placed alike when it comes again', () => {
    expect(placed(presumed(1), told(1), told(1), presumed(1), told(1))).toEqual([1, 2, 2, undefined, 2])
  })
})
