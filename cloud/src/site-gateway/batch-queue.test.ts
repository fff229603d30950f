import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BatchQueue,
  type Item,
  MAX_GROUP_BATCHES,
  MAX_GROUP_BYTES,
  MAX_QUEUED_OF_LANE,
} from './batch-queue.ts'

const item = (siteId: string, bytes = 10, stream: Item['stream'] = 'ledger'): Item => ({
  siteId,
  stream,
  payload: Buffer.alloc(bytes),
  atMs: 0,
})

describe('what waits for a log partition', () => {
  it('is taken in turn: of sites that always have another batch, none is served more than once more than another', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 64 * 1024 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 300 }),
        (sizes, groups) => {
          const queue = new BatchQueue()
          const served = sizes.map(() => 0)
          const push = (i: number) => queue.push(item(String(i), sizes[i]))
          for (const i of sizes.keys()) push(i)
          for (let n = 0; n < groups; n++) {
            for (const { siteId } of queue.next()) {
              served[Number(siteId)]! += 1
              push(Number(siteId))
            }
          }
          expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('goes in groups within both bounds, and a batch over the bound of bytes goes alone', () => {
    const queue = new BatchQueue()
    for (let i = 0; i < MAX_GROUP_BATCHES + 1; i++) queue.push(item(String(i)))
    expect(queue.next()).toHaveLength(MAX_GROUP_BATCHES)
    queue.push(item('large', MAX_GROUP_BYTES + 1))
    queue.push(item('next'))
    expect(queue.next().map((it) => it.siteId)).toEqual([String(MAX_GROUP_BATCHES)])
    expect(queue.next().map((it) => it.siteId)).toEqual(['large'])
    expect(queue.next().map((it) => it.siteId)).toEqual(['next'])
    expect(queue.next()).toEqual([])
    expect(queue.load).toEqual({ batches: 0, bytes: 0 })
  })

  it('holds few of one lane, one of which is in a group, in their order', () => {
    const queue = new BatchQueue()
    for (let n = 1; n <= MAX_QUEUED_OF_LANE; n++) {
      expect(queue.isLoud(item('a'))).toBe(false)
      queue.push(item('a', n))
    }
    expect(queue.isLoud(item('a'))).toBe(true)
    expect(queue.isLoud(item('a', 1, 'telemetry'))).toBe(false)
    expect(queue.next().map((it) => it.payload.length)).toEqual([1])
    expect(queue.next().map((it) => it.payload.length)).toEqual([2])
    expect(queue.isLoud(item('a'))).toBe(false)
  })
})
