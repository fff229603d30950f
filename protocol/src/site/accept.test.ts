import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accept, type StreamState } from './accept.ts'
import type { Batch } from './envelope.ts'

const batchOf = (from: number, ids: string[], prevId: string, epoch = 1): Batch => ({
  v: 1,
  journalId: 'j',
  stream: 'ledger',
  epoch,
  from,
  to: from + ids.length - 1,
  prevId,
  rows: ids.map((id) => ({ id, fact: '{}' })),
})
const state = (last: number, lastId: string): StreamState => ({ last, lastId, epoch: 1 })
const unknown = () => undefined

describe('accept', () => {
  it('takes the first rows of a journal', () => {
    const result = accept(state(0, ''), batchOf(1, ['a', 'b'], ''), unknown)
    expect(result).toMatchObject({
      accepted: true,
      next: { last: 2, lastId: 'b' },
      rows: [{ seq: 1 }, { seq: 2 }],
    })
  })

  it('drops an overlap of the same rows and keeps the rest', () => {
    const result = accept(state(2, 'b'), batchOf(1, ['a', 'b', 'c'], ''), (seq) => ({ 1: 'a' })[seq])
    expect(result).toMatchObject({ accepted: true, rows: [{ seq: 3, id: 'c' }] })
  })

  it('acknowledges a batch that is stored already without taking a row', () => {
    const result = accept(state(2, 'b'), batchOf(1, ['a', 'b'], ''), unknown)
    expect(result).toEqual({ accepted: true, rows: [], next: { last: 2, lastId: 'b' } })
  })

  it('refuses a gap and says which rows are missing', () => {
    expect(accept(state(2, 'b'), batchOf(5, ['e'], 'd'), unknown)).toEqual({
      accepted: false,
      refusal: 'gap',
      reason: 'rows 3..4 are missing',
    })
  })

  it('refuses another history before the batch, at its overlap, and at its end', () => {
    expect(accept(state(2, 'b'), batchOf(3, ['c'], 'x'), unknown)).toMatchObject({ refusal: 'fork' })
    expect(accept(state(2, 'b'), batchOf(1, ['x', 'b'], ''), (seq) => ({ 1: 'a' })[seq])).toMatchObject({
      refusal: 'fork',
    })
    expect(accept(state(2, 'b'), batchOf(1, ['a', 'x', 'c'], ''), unknown)).toMatchObject({ refusal: 'fork' })
  })

  it('refuses an epoch that was never granted', () => {
    expect(accept(state(0, ''), batchOf(1, ['a'], '', 7), unknown)).toMatchObject({
      refusal: 'unknown-epoch',
    })
  })

  it('takes a gap row that stands for several, by the id of the last', () => {
    const batch: Batch = {
      ...batchOf(1, ['a'], ''),
      to: 5,
      rows: [
        { id: 'a', fact: '{}' },
        { id: 'e', fact: '{}', covers: 4 },
      ],
    }
    expect(accept(state(0, ''), batch, unknown)).toMatchObject({
      accepted: true,
      next: { last: 5, lastId: 'e' },
    })
  })

  it('stores every row once and in order, whatever is repeated, reordered or lost', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(12)), { maxLength: 60 }),
        (head, tries) => {
          const id = (seq: number) => (seq === 0 ? '' : `r${seq}`)
          const stored: number[] = []
          let current = state(0, '')
          for (const [start, length] of [
            ...tries,
            ...Array.from({ length: head }, (_, i) => [i, 1] as const),
          ]) {
            const from = (start % head) + 1
            const to = Math.min(head, from + length)
            const ids = Array.from({ length: to - from + 1 }, (_, i) => id(from + i))
            const result = accept(current, batchOf(from, ids, id(from - 1)), (seq) => id(seq))
            if (!result.accepted) {
              expect(result.refusal).toBe('gap')
              continue
            }
            stored.push(...result.rows.map((r) => r.seq))
            current = { ...current, ...result.next }
          }
          expect(stored).toEqual(Array.from({ length: head }, (_, i) => i + 1))
        },
      ),
    )
  })

  it('refuses a batch of a conversation that another one has replaced, and takes one that names none', () => {
    const batch = batchOf(1, ['a'], '')
    const talking = { ...state(0, ''), nonce: 'now' }
    expect(accept(talking, { ...batch, nonce: 'before' }, () => undefined)).toMatchObject({
      refusal: 'unknown-epoch',
    })
    expect(accept(talking, { ...batch, nonce: 'now' }, () => undefined)).toMatchObject({ accepted: true })
    expect(accept(talking, batch, () => undefined)).toMatchObject({ accepted: true })
  })
})
