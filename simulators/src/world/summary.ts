/** What a search found, for a person to read. */
import type { Hunted } from './crew.ts'
import type { Report } from './world.ts'

/** What many seeds came to; they are added as they end, in any order. */
export class Tally {
  seeds = 0
  failed = 0
  #sums = { lastedMs: 0, events: 0, sessions: 0, facts: 0, violations: 0 }
  #faults = new Map<string, number>()
  #traces = 0n

  add(report: Report): void {
    this.seeds++
    if (report.violations.length > 0) this.failed++
    const sums = this.#sums
    for (const key of ['lastedMs', 'events', 'sessions', 'facts'] as const) sums[key] += report[key]
    sums.violations += report.violations.length
    for (const [kind, count] of report.faults) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count)
    this.#traces ^= BigInt(`0x${report.hash}`)
  }

  toString(): string {
    const { lastedMs, events, sessions, facts, violations } = this.#sums
    // By name, for the order of the seeds' ends is another one in every run.
    const faults = [...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `${this.seeds} seeds, ${(lastedMs / 86_400_000).toFixed(1)} days of virtual time, ${events} events`,
      `${sessions} sessions, ${facts} facts in the cloud`,
      `faults: ${faults.map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'}`,
      // The same on every machine: two runs of the same seeds compare by it.
      `traces: ${this.#traces.toString(16).padStart(16, '0')}`,
      `violations: ${violations}`,
    ].join('\n')
  }
}

/** What a seed broke, and how to see it. */
export function tellViolations({ seed, violations }: Report): void {
  if (violations.length === 0) return
  console.error(`\nseed ${seed}:`)
  for (const { invariant, what } of violations) console.error(`  ${invariant} ${what}`)
  console.error(`  replay: npm run simulate -- --seed ${seed} --trace\n`)
}

const NAME_WIDTH = 30

/** Which promise noticed a planted bug, and at which seed. */
export function huntLine({ mutation, caught, seeds }: Hunted): string {
  const invariant = caught?.violations[0]?.invariant
  const what = caught ? `${invariant} at seed ${caught.seed}` : `SURVIVED ${seeds} seeds`
  return `${mutation.padEnd(NAME_WIDTH)}  ${what}`
}

export function huntTotal(hunted: readonly Hunted[]): string {
  const noticed = hunted.filter(({ caught }) => caught).length
  return `${noticed} of ${hunted.length} planted bugs noticed`
}
