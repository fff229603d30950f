import { expect, it } from 'vitest'
import { MOST_AT_ONCE, sideBySide } from './side-by-side.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

it('keeps the order within a key, and not that of others', async () => {
  const done: string[] = []
  await sideBySide(
    ['a1', 'b1', 'a2', 'b2'],
    (it) => it.charAt(0),
    async (it) => {
      done.push(`${it} begins`)
      await turn()
      done.push(`${it} ends`)
    },
  )
  expect(done.slice(0, 2)).toEqual(['a1 begins', 'b1 begins'])
  for (const key of ['a', 'b'])
    expect(done.filter((it) => it.startsWith(key))).toEqual([
      `${key}1 begins`,
      `${key}1 ends`,
      `${key}2 begins`,
      `${key}2 ends`,
    ])
})

it('is over when nothing is under way any more, and tells what failed first', async () => {
  let underWay = 0
  let begun = 0
  const all = Array.from({ length: 3 * MOST_AT_ONCE }, (_, i) => i)
  const failed = sideBySide(all, String, async (i) => {
    begun++
    underWay++
    await turn()
    if (i > 0) await turn()
    underWay--
    throw new Error(`${i} failed`)
  })
  await expect(failed).rejects.toThrow('0 failed')
  expect(underWay).toBe(0)
  expect(begun).toBeLessThan(all.length)
})
