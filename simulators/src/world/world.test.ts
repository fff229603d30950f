import { expect, it } from 'vitest'
import { World } from './world.ts'

/** A few of each kind of world; `npm run simulate` searches thousands. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

it('keeps every promise in a handful of worlds', async () => {
  const broken = []
  for (const seed of SEEDS) broken.push(...(await World.run(seed)).violations)
  expect(broken).toEqual([])
})

it('tells the same story for the same seed', async () => {
  const told = async (): Promise<string[]> => {
    const lines: string[] = []
    await World.run(4, { print: (line) => lines.push(line) })
    return lines
  }
  const first = await told()
  expect(first.length).toBeGreaterThan(50)
  expect(await told()).toEqual(first)
})

/**
 * What happens in a world depends on its seed alone, on every machine. A change of the world or of the product makes other stories:
 * then put in what this test prints as received. Where neither changed, something came in that is not drawn from the seed.
 */
it.each([
  { seed: 1, hash: 'b6e2bcb1cb549587' },
  { seed: 4, hash: '8fea0d1cdb051e00' },
  { seed: 9, hash: '93d59ed3b5ac90b6' },
])('tells the story of seed $seed as ever', async ({ seed, hash }) => {
  expect((await World.run(seed)).hash).toBe(hash)
})
