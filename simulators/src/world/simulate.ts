/**
 * `npm run simulate`: searches seeds for a broken promise, or tells one seed as a story. Seeds are shared out to as many
 * processes as there are cores; the same file is their program.
 */
import { availableParallelism } from 'node:os'
import { MUTATIONS, type Mutation, plant } from '@switchyard/protocol/mutation.ts'
import { numberOption, type OptionTable, readOptions, UsageError } from '../cli/options.ts'
import { hunt, search, workAsCrew } from './crew.ts'
import { huntLine, huntTotal, Tally, tellViolations } from './summary.ts'
import { World } from './world.ts'

const OPTIONS: OptionTable = {
  seeds: { value: 'N', what: 'how many seeds to search (200)' },
  from: { value: 'S', what: 'the first of them (1)' },
  seed: { value: 'N', what: 'run this one only' },
  trace: { what: 'with --seed: tell what happens' },
  frames: { what: 'with --trace: every frame of the chargers as well' },
  mutations: { what: 'plant one bug after the other; each must be noticed within so many seeds (1,000)' },
  mutation: { value: 'NAME', what: 'with --seed: plant this one; with --mutations: hunt for this one only' },
  processes: { value: 'N', what: 'how many work at once (one a core)' },
}
const MAX_SEED = 2 ** 31
/** A long search says how far it is. */
const PROGRESS_SEEDS = 1_000
/** A planted bug that this many seeds do not notice has survived. */
const MUTATION_SEEDS = 1_000

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(OPTIONS, args)
  if (options.has('help')) {
    console.log('npm run simulate -- [options]\n')
    for (const [name, { value, what }] of Object.entries(OPTIONS))
      console.log(`  --${`${name}${value === undefined ? '' : ` ${value}`}`.padEnd(14)} ${what}`)
    return 0
  }
  if (options.has('seed')) {
    const seed = numberOption(options, 'seed', { min: 0, max: MAX_SEED, fallback: 1 })
    const print = options.has('trace') ? (line: string) => console.log(line) : undefined
    plant(mutationOption(options))
    const report = await World.run(seed, { print, frames: options.has('frames') })
    const tally = new Tally()
    tally.add(report)
    tellViolations(report)
    console.log(`${tally}`)
    return report.violations.length === 0 ? 0 : 1
  }
  const seeds = numberOption(options, 'seeds', { min: 1, max: MAX_SEED, fallback: 200 })
  const from = numberOption(options, 'from', { min: 0, max: MAX_SEED, fallback: 1 })
  const processes = numberOption(options, 'processes', {
    min: 1,
    max: 64,
    fallback: Math.min(seeds, availableParallelism()),
  })
  const startedMs = performance.now()
  if (options.has('mutations')) {
    const search = { from, seeds: options.has('seeds') ? seeds : MUTATION_SEEDS, processes }
    const only = mutationOption(options)
    const mutations = only ? [only] : (Object.keys(MUTATIONS) as Mutation[])
    const hunted = await hunt(search, mutations, (it) => console.log(huntLine(it)))
    console.log(huntTotal(hunted))
    return hunted.every(({ caught }) => caught) ? 0 : 1
  }
  const tally = new Tally()
  const pace = () => {
    const seconds = (performance.now() - startedMs) / 1000
    return `${seconds.toFixed(1)} s, ${(tally.seeds / seconds).toFixed(1)} seeds/s on ${processes} processes`
  }
  await search({ from, seeds, processes }, (report) => {
    tally.add(report)
    tellViolations(report)
    if (tally.seeds % PROGRESS_SEEDS === 0 && tally.seeds < seeds)
      console.log(`${tally.seeds} of ${seeds} seeds, ${tally.failed} failed, ${pace()}`)
  })
  console.log(`${tally}`)
  console.log(pace())
  return tally.failed > 0 ? 1 : 0
}

function mutationOption(options: Map<string, string>): Mutation | undefined {
  const name = options.get('mutation')
  if (name === undefined) return undefined
  if (!Object.hasOwn(MUTATIONS, name))
    throw new UsageError(`--mutation must be one of ${Object.keys(MUTATIONS).join(', ')}, not "${name}"`)
  return name as Mutation
}

if (process.send) workAsCrew()
else
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error) => {
      console.error(error instanceof UsageError ? error.message : error)
      process.exit(error instanceof UsageError ? 2 : 1)
    },
  )
