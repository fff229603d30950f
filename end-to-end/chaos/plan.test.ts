import { seededRandom } from '@switchyard/simulators/random.ts'
import { describe, expect, it } from 'vitest'
import { readOptions } from './options.ts'
import { FAULT_KINDS, planRound, type Topology } from './plan.ts'

const LENGTH_MS = 18_000
const topology: Topology = {
  processes: [['controller-1'], ['site-gateway-1', 'site-gateway-2']],
  links: [['stations to controller-1'], ['controller-1 to broker']],
  sites: ['site-1'],
  fullable: ['site-1'],
  databaseFullable: true,
  clocks: [['controller-1'], ['site-gateway-1']],
  replicated: ['site-gateway'],
  services: ['billing-service'],
}
const seeds = Array.from({ length: 300 }, (_, seed) => seed)
const plan = (seed: number) => planRound(seededRandom(seed), topology, FAULT_KINDS, LENGTH_MS)

describe('the plan of a round', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(7)).toEqual(plan(7))
    expect(new Set(seeds.map((seed) => JSON.stringify(plan(seed)))).size).toBe(seeds.length)
  })

  it('comes to every kind of fault and to everything that can be hit', () => {
    const all = seeds.flatMap(plan)
    expect(new Set(all.map((it) => it.kind))).toEqual(new Set(FAULT_KINDS))
    const { processes, links } = topology
    for (const name of [...processes, ...links].flat()) expect(all.map((it) => it.target)).toContain(name)
  })

  it('lets no two faults have the same thing in their hands, and stays within the round', () => {
    for (const seed of seeds) {
      const faults = plan(seed)
      for (const a of faults) {
        expect(a.atMs).toBeLessThan(LENGTH_MS)
        for (const b of faults)
          if (a !== b && a.target === b.target && a.kind !== 'journal-restored')
            expect(a.atMs + a.forMs < b.atMs || b.atMs + b.forMs < a.atMs).toBe(true)
      }
    }
  })

  it('draws only what was asked for, and nothing that this machine cannot do', () => {
    const of = (fullable: string[]) =>
      planRound(seededRandom(1), { ...topology, fullable }, ['disk-full'], LENGTH_MS)
    expect(of(['site-1']).every((it) => it.kind === 'disk-full')).toBe(true)
    expect(of(['site-1']).length).toBeGreaterThan(0)
    expect(of([])).toEqual([])
    const none = { ...topology, clocks: [], databaseFullable: false }
    expect(planRound(seededRandom(1), none, ['clock-step', 'postgres-full'], LENGTH_MS)).toEqual([])
  })
})

describe('the options', () => {
  it('are read, with a drawn seed where none is given', () => {
    expect(readOptions(['--rounds', '20', '--faults', 'kill,cut', '--keep'], 5)).toEqual({
      rounds: 20,
      seed: 5,
      kinds: ['kill', 'cut'],
      keep: true,
    })
  })

  it.each([
    [['--rounds', 'many'], '--rounds must be a whole number from 1 to 10000, not "many"'],
    [['--faults', 'kill,rain'], '--faults: there is no fault rain; there are kill, kill-replicas'],
    [['--speed', '2'], "'--speed'"],
  ])('name what is wrong with %j', (args, message) => {
    expect(() => readOptions(args, 1)).toThrow(message)
  })
})
