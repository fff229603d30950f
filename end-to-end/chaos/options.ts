/** What a user may say to `npm run chaos`: read strictly, everything wrong named. */
import { parseArgs } from 'node:util'
import { FAULT_KINDS, type FaultKind } from './plan.ts'

const MAX_ROUNDS = 10_000
const MAX_SEED = 2 ** 31

export interface ChaosOptions {
  rounds: number
  /** Round n has seed `seed + n - 1`: one round can be run again by itself. */
  seed: number
  kinds: readonly FaultKind[]
  /** Logs, journals and ledgers stay after a run that went well, too. */
  keep: boolean
}

export const CHAOS_HELP = `npm run chaos -- [flags]     real processes, real servers, real faults; the stations' own ledger is the oracle

  --rounds N          how many rounds (1)
  --seed N            seed of the first round; each further one adds 1 (drawn)
  --faults a,b        only these kinds of fault: ${FAULT_KINDS.join(', ')}
  --keep              keep logs, journals and ledgers of a run that went well, too`

/** Throws an Error that names what is wrong. `drawn` is the seed when none is given. */
export function readOptions(args: readonly string[], drawn: number): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      rounds: { type: 'string' },
      seed: { type: 'string' },
      faults: { type: 'string' },
      keep: { type: 'boolean' },
    },
  })
  return {
    rounds: whole('--rounds', values.rounds, 1, MAX_ROUNDS, 1),
    seed: whole('--seed', values.seed, 0, MAX_SEED, drawn),
    kinds: kindsOf(values.faults),
    keep: values.keep ?? false,
  }
}

function whole(name: string, text: string | undefined, min: number, max: number, fallback: number): number {
  if (text === undefined) return fallback
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
}

function kindsOf(text: string | undefined): readonly FaultKind[] {
  if (text === undefined) return FAULT_KINDS
  const names = text.split(',').map((it) => it.trim())
  const unknown = names.filter((it) => !(FAULT_KINDS as readonly string[]).includes(it))
  if (unknown.length > 0)
    throw new Error(
      `--faults: there is no fault ${unknown.join(', ') || '""'}; there are ${FAULT_KINDS.join(', ')}`,
    )
  return names as FaultKind[]
}
