/**
 * What the stations delivered against what the cloud bills (invariants I1, I4, I5, I12, I13). The simulators wrote each session
 * into their ledger before they told of it, so the ledger is right by definition.
 */
import type { Cdr, Session } from '@switchyard/protocol/api/shapes.ts'
import { energyToMilliWh } from '@switchyard/protocol/units.ts'
import type { LedgerEntry } from '@switchyard/simulators/ledger.ts'

export interface Verdict {
  /** Sessions in the ledger. */
  sessions: number
  /** Sessions with energy that have neither a payable CDR nor a place in the review. */
  lost: string[]
  /** CDRs beyond the one that a session may have, and those of no session at all. */
  doubled: string[]
  /** Billed with another energy than was delivered. */
  wrong: string[]
  /** Held back, with their reasons. */
  held: string[]
}

/** One session of a station, as both sides name it. */
const keyOf = (it: { stationId: string; startedAt: string }) =>
  `${it.stationId} from ${new Date(it.startedAt).toISOString()}`

export function judge(
  ledger: readonly LedgerEntry[],
  cdrs: readonly Cdr[],
  sessions: readonly Session[],
): Verdict {
  const verdict: Verdict = { sessions: ledger.length, lost: [], doubled: [], wrong: [], held: [] }
  const credited = new Set(cdrs.flatMap((it) => (it.credits === null ? [] : [it.credits])))
  const payable = new Map<string, Cdr[]>()
  for (const cdr of cdrs) {
    if (cdr.credit || credited.has(cdr.cdrId)) continue
    const key = keyOf(cdr)
    payable.set(key, [...(payable.get(key) ?? []), cdr])
  }
  const inReview = new Map(sessions.filter((it) => it.status === 'review').map((it) => [keyOf(it), it]))
  for (const entry of ledger) {
    const key = keyOf(entry)
    const delivered = energyToMilliWh(entry.energyWh, 'Wh')
    const [cdr, ...more] = payable.get(key) ?? []
    payable.delete(key)
    for (const it of more) verdict.doubled.push(`${key}: billed once more as ${it.cdrId}`)
    const review = inReview.get(key)
    if (cdr && review) verdict.doubled.push(`${key}: billed as ${cdr.cdrId}, and in review as well`)
    else if (cdr) {
      const billed = energyToMilliWh(String(cdr.energyWh), 'Wh')
      if (billed !== delivered) verdict.wrong.push(`${key}: ${entry.energyWh} Wh, billed ${cdr.energyWh} Wh`)
    } else if (review && review.review.length > 0)
      verdict.held.push(`${key}: ${entry.energyWh} Wh, ${review.review.join(', ')}`)
    else if (delivered !== 0)
      verdict.lost.push(`${key}: ${entry.energyWh} Wh${review ? ', in review without a reason' : ''}`)
  }
  for (const [key, more] of payable)
    for (const it of more)
      verdict.doubled.push(`${key}: ${it.energyWh} Wh billed as ${it.cdrId}, which nobody delivered`)
  verdict.wrong.push(...overlaps(cdrs.filter((it) => !it.credit && !credited.has(it.cdrId))))
  return verdict
}

/** Billed intervals of one station that overlap (each simulated station has one connector), or end before they start. */
function overlaps(cdrs: readonly Cdr[]): string[] {
  const found: string[] = []
  const latest = new Map<string, Cdr>()
  for (const cdr of [...cdrs].sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))) {
    if (Date.parse(cdr.endedAt) < Date.parse(cdr.startedAt))
      found.push(`${keyOf(cdr)}: ends before it starts`)
    const before = latest.get(cdr.stationId)
    if (before && Date.parse(before.endedAt) > Date.parse(cdr.startedAt))
      found.push(`${keyOf(cdr)}: overlaps ${keyOf(before)}, which ended at ${before.endedAt}`)
    latest.set(cdr.stationId, cdr)
  }
  return found
}
