/** What a run prints: a line for each round with what it found, and the totals. */
import type { PlannedFault } from './plan.ts'
import type { RoundResult } from './round.ts'

const KINDS = ['lost', 'doubled', 'wrong', 'broken', 'stuck', 'held'] as const
type Found = Record<(typeof KINDS)[number], string[]>
/** What makes a round fail; held for review is an outcome like any other, and is told. */
const FAILING = ['lost', 'doubled', 'wrong', 'broken', 'stuck'] as const

export class Report {
  readonly #say: (line: string) => void
  /** Later rounds see the sessions of earlier ones again. */
  readonly #told = new Set<string>()
  readonly #sums: Record<(typeof KINDS)[number], number> = {
    lost: 0,
    doubled: 0,
    wrong: 0,
    broken: 0,
    stuck: 0,
    held: 0,
  }
  readonly #faults = new Map<string, number>()
  #sessions = 0
  #longestMs = 0
  passed = 0
  failed = 0

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** Tells a round; gives whether it went well. */
  add(round: number, result: RoundResult): boolean {
    const { verdict, seed, faults, recoveryMs, unexpected } = result
    const fresh = (lines: readonly string[]) => lines.filter((it) => !this.#told.has(it))
    const found: Found = {
      lost: fresh(verdict.lost),
      doubled: fresh(verdict.doubled),
      wrong: fresh(verdict.wrong),
      broken: fresh(result.broken),
      stuck: result.stuck ? [result.stuck] : [],
      held: fresh(verdict.held),
    }
    const sessions = verdict.sessions - this.#sessions
    this.#sessions = verdict.sessions
    this.#longestMs = Math.max(this.#longestMs, recoveryMs)
    for (const { kind } of faults) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1)
    // Rounds in which nothing happened would all go well.
    if (sessions === 0) found.broken.push(`no session in round ${round}: nothing was tried`)
    const well = FAILING.every((kind) => found[kind].length === 0)
    if (well) this.passed++
    else this.failed++
    this.#say(
      `${round === 0 ? 'before the faults' : `round ${round}, seed ${seed}`}: ${well ? 'ok' : 'FAILED'}; ${sessions} sessions, ${faults.length} faults (${namesOf(faults)}), ` +
        `well again in ${seconds(recoveryMs)}; lost ${found.lost.length}, doubled ${found.doubled.length}, held for review ${found.held.length}`,
    )
    for (const it of unexpected) this.#say(`  ended by itself and was started again: ${it}`)
    for (const kind of KINDS) {
      this.#sums[kind] += found[kind].length
      for (const line of found[kind]) {
        this.#told.add(line)
        this.#say(`  ${kind}: ${line}`)
      }
    }
    return well
  }

  total(): void {
    const { lost, doubled, wrong, broken, stuck, held } = this.#sums
    const faults = [...this.#faults].sort(([a], [b]) => a.localeCompare(b))
    const count = faults.reduce((sum, [, n]) => sum + n, 0)
    this.#say(
      `sessions ${this.#sessions}; faults injected ${count}: ${faults.map((it) => it.join(' ')).join(', ')}`,
    )
    this.#say(
      `lost ${lost}, doubled ${doubled}, wrong energy or overlap ${wrong}, invariants broken ${broken}, ` +
        `held for review ${held}, not well in time ${stuck}; longest time to recover ${seconds(this.#longestMs)}`,
    )
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

function namesOf(faults: readonly PlannedFault[]): string {
  return faults.map(({ kind, target }) => (kind.startsWith(target) ? kind : `${kind} ${target}`)).join(', ')
}
