/** The oracle must be able to find what it looks for: each wrong is planted once. */
import type { Cdr, Session } from '@switchyard/protocol/api/shapes.ts'
import type { LedgerEntry } from '@switchyard/simulators/ledger.ts'
import { describe, expect, it } from 'vitest'
import { type Lane, laneFaults } from './log-check.ts'
import { judge } from './oracle.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 26, 12, minute)).toISOString()
const delivered = (minute: number, energyWh: string, stationId = 'A') =>
  ({ stationId, startedAt: at(minute), endedAt: at(minute + 5), energyWh }) as LedgerEntry
const billed = (cdrId: string, minute: number, energyWh: number, more: Partial<Cdr> = {}) =>
  ({
    cdrId,
    stationId: 'A',
    startedAt: at(minute),
    endedAt: at(minute + 5),
    energyWh,
    credit: false,
    credits: null,
    ...more,
  }) as Cdr
const review = (minute: number, reasons: string[]) =>
  ({ stationId: 'A', startedAt: at(minute), status: 'review', review: reasons }) as Session

describe('the oracle', () => {
  it('finds nothing where every session is billed once, corrected ones by their newest CDR', () => {
    const cdrs = [
      billed('first', 0, 10),
      billed('credit', 0, -10, { credit: true, credits: 'first' }),
      billed('second', 0, 12.5),
      billed('other', 10, 0.001),
    ]
    const verdict = judge([delivered(0, '12.5'), delivered(10, '0.001')], cdrs, [])
    expect(verdict).toEqual({ sessions: 2, lost: [], doubled: [], wrong: [], held: [] })
  })

  it('calls lost what is neither billed nor in review with a reason, unless nothing flowed', () => {
    const ledger = [delivered(0, '1'), delivered(10, '2'), delivered(20, '3'), delivered(30, '0')]
    const verdict = judge(ledger, [], [review(10, ['register-falling']), review(20, [])])
    expect(verdict.lost).toEqual([
      `A from ${at(0)}: 1 Wh`,
      `A from ${at(20)}: 3 Wh, in review without a reason`,
    ])
    expect(verdict.held).toEqual([`A from ${at(10)}: 2 Wh, register-falling`])
  })

  it('calls doubled a second CDR, a CDR beside a review, and one of no session', () => {
    const cdrs = [billed('one', 0, 1), billed('two', 0, 1), billed('three', 10, 2), billed('four', 20, 3)]
    const verdict = judge([delivered(0, '1'), delivered(10, '2')], cdrs, [review(10, ['no-identity'])])
    expect(verdict.doubled).toEqual([
      `A from ${at(0)}: billed once more as two`,
      `A from ${at(10)}: billed as three, and in review as well`,
      `A from ${at(20)}: 3 Wh billed as four, which nobody delivered`,
    ])
  })

  it('sees a milli-Wh too much, and intervals that overlap', () => {
    const cdrs = [billed('one', 0, 1.001), billed('two', 4, 2)]
    const verdict = judge([delivered(0, '1'), delivered(4, '2')], cdrs, [])
    expect(verdict.wrong[0]).toBe(`A from ${at(0)}: 1 Wh, billed 1.001 Wh`)
    expect(verdict.wrong[1]).toContain(`A from ${at(4)}: overlaps A from ${at(0)}`)
  })
})

describe('a lane of the log', () => {
  const lane = (more: Partial<Lane>): Lane => ({
    site_id: 'site-1',
    journal_id: 'j',
    stream: 'ledger',
    seqs: [1, 2, 3],
    ids: ['a', 'b', 'c'],
    last: 3,
    last_id: 'c',
    newest_id: 'c',
    forked: false,
    ...more,
  })

  it('is right when every row stands there once', () => expect(laneFaults(lane({}), [])).toEqual([]))

  it('has no hole that no fact tells of', () => {
    const holed = lane({ seqs: [1, 5, 6], last: 6 })
    expect(laneFaults(holed, [])).toEqual(['site-1 ledger of j: rows 2 to 4 are missing'])
    expect(laneFaults(holed, [{ from: 2, to: 5 }])).toEqual([])
    expect(laneFaults(holed, [{ from: 3, to: 4 }])).toHaveLength(1)
  })

  it('begins where the journal before it ended, if it is a fork', () => {
    const forked = { seqs: [7, 8, 9], last: 9 }
    expect(laneFaults(lane({ ...forked, forked: true }), [])).toEqual([])
    expect(laneFaults(lane(forked), [])).toEqual(['site-1 ledger of j: rows 1 to 6 are missing'])
  })

  it('has no row twice, and is acknowledged as far as it goes', () => {
    expect(laneFaults(lane({ seqs: [1, 2, 2] }), [])).toContain(
      'site-1 ledger of j: row 2 stands there twice',
    )
    expect(laneFaults(lane({ ids: ['a', 'b'] }), [])).toEqual([
      'site-1 ledger of j: a row id stands there twice',
    ])
    expect(laneFaults(lane({ last: 4 }), [])).toEqual([
      'site-1 ledger of j: acknowledged up to 4, the newest row is 3',
    ])
  })
})
