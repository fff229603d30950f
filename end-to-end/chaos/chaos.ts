/** `npm run chaos`: rounds of real processes under random faults. Exits with 1 when anything was lost, doubled, wrong or did not recover. */
import { randomInt } from 'node:crypto'
import { CHAOS_HELP, type ChaosOptions, readOptions } from './options.ts'
import { Report } from './report.ts'
import { runRound } from './round.ts'
import { startWorld, type World } from './world.ts'

const LARGEST_DRAWN_SEED = 1_000_000
const PORTS_SPAN = 12_000

const say = (line: string): void => console.log(line)
let world: World | undefined
let ending: Promise<void> | undefined

/** Once, whoever asks first: the end of the run or a signal. */
function end(keep: boolean): Promise<void> {
  ending ??= world?.stop(keep) ?? Promise.resolve()
  return ending
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    say(CHAOS_HELP)
    return 0
  }
  let options: ChaosOptions
  try {
    options = readOptions(args, randomInt(LARGEST_DRAWN_SEED))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${CHAOS_HELP}`)
    return 2
  }
  say(`seed ${options.seed}; again with: npm run chaos -- --rounds ${options.rounds} --seed ${options.seed}`)
  world = await startWorld({
    postgres: JSON.parse(process.env.CHAOS_POSTGRES ?? '{}'),
    redisBinary: process.env.CHAOS_REDIS ?? 'redis-server',
    portsFrom: randomInt(PORTS_SPAN),
    say,
  })
  const report = new Report(say)
  // Stations learn their settings and the tokens of their drivers while nothing is in the way; it counts as a round that must go well.
  const calm = await runRound(world, 0, options.seed, [])
  let rounds = report.add(0, calm) ? options.rounds : 0
  for (const site of world.sites) await site.backUpJournal()
  for (let round = 1; round <= rounds; round++) {
    const result = await runRound(world, round, options.seed + round - 1, options.kinds)
    report.add(round, result)
    // What did not recover would be in the way of every further round.
    if (result.stuck) rounds = 0
  }
  report.total()
  const keep = options.keep || report.failed > 0
  if (keep) say(`logs, journals and ledgers are kept in ${world.folder}`)
  await end(keep)
  say(`${report.passed} passed, ${report.failed} failed`)
  return report.failed > 0 ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    say(`${signal}: everything is stopped and cleared away`)
    end(false).finally(() => process.exit(130))
  })

main().then(
  (code) => {
    if (!ending || code !== 130) process.exit(code)
  },
  async (error: Error) => {
    console.error(error)
    await end(true)
    say('0 passed, 1 failed')
    process.exit(1)
  },
)
