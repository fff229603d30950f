import { expect, it } from 'vitest'
import { allocate } from './allocator.ts'

it('shares are equal, and when they fall under 6 A the newest sessions pause', () => {
  expect([...allocate(63_000, ['a', 'b', 'c'])]).toEqual([
    ['a', 21_000],
    ['b', 21_000],
    ['c', 21_000],
  ])
  expect([...allocate(13_000, ['a', 'b', 'c']).values()]).toEqual([6_500, 6_500, 0])
  expect([...allocate(5_000, ['a']).values()]).toEqual([0])
})
