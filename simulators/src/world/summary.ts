/** What a search found, for a person to read. */
import type { Hunted } from './crew.ts'
import type { Report } from './world.ts'

/** Violations that are told one by one. */
const MAX_TOLD = 10

export function totals(reports: readonly Report[]): string {
  const sum = (of: (report: Report) => number) => reports.reduce((total, it) => total + of(it), 0)
  const faults = new Map<string, number>()
  for (const report of reports)
    for (const [kind, count] of report.faults) faults.set(kind, (faults.get(kind) ?? 0) + count)
  const days = sum((it) => it.lastedMs) / 86_400_000
  return [
    `${reports.length} seeds, ${days.toFixed(1)} days of virtual time, ${sum((it) => it.events)} events`,
    `${sum((it) => it.sessions)} sessions, ${sum((it) => it.facts)} facts in the cloud`,
    `faults: ${[...faults].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'}`,
    `violations: ${sum((it) => it.violations.length)}`,
  ].join('\n')
}

export function tellViolations(reports: readonly Report[]): void {
  const failed = reports.filter((it) => it.violations.length > 0)
  for (const { seed, violations } of failed.slice(0, MAX_TOLD)) {
    console.error(`\nseed ${seed}:`)
    for (const { invariant, what } of violations) console.error(`  ${invariant} ${what}`)
    console.error(`  replay: npm run simulate -- --seed ${seed} --trace`)
  }
  if (failed.length > MAX_TOLD) console.error(`\n${failed.length - MAX_TOLD} more seeds fail`)
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
