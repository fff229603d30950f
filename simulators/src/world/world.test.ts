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
