/**
 * What becomes of an ended session: nothing, a hold with its reasons, a CDR, or a credit and a new CDR. Pure: billing carries it
 * out in its tables, the simulator in memory, so that both hold invariants I4, I12 and I13 by the same rules.
 *
 * A revision that is not newer than what is billed or held changes nothing, so that facts may come twice and in any order.
 */
import { isKeepable, parseInstant } from '../instant.ts'
import type { FactData } from '../site/fact.ts'

export const NO_TARIFF = 'no-tariff'
export const OVERLAP = 'overlaps-another-session'

export type Ended = FactData<'session.ended'>

/** A CDR of the session that is no credit. */
export interface BilledAs {
  cdrId: string
  revision: number
  /** A credit took it back; a CDR that was not is payable. */
  credited: boolean
}

/** What is known of the session before. */
export interface KnownOfSession {
  /** Revision that is held, if one is. */
  heldRevision: number | undefined
  cdrs: readonly BilledAs[]
}

/** What was looked up for it; asked for only where `objections` are none, for its times may be no times. */
export interface LookedUp {
  /** Whether it overlaps a payable CDR of another session on its connector (`overlap`). */
  overlaps: boolean
  /** Whether there is a tariff: that of the CDR that it would replace, else the one in force at its start. */
  hasTariff: boolean
}

export type Settled =
  | { does: 'nothing' }
  | { does: 'hold'; reasons: string[] }
  /** `credits`: id of the payable CDR that it replaces. */
  | { does: 'issue'; cdrId: string; credits: string | undefined }

export function payableOf({ cdrs }: KnownOfSession): BilledAs | undefined {
  return cdrs.find((cdr) => !cdr.credited)
}

/** A revision of a session that has come: it counts when it is newer than all that is billed and held. */
export function settle(known: KnownOfSession, sessionId: string, ended: Ended, found: LookedUp): Settled {
  if (!isNewer(known, ended)) return { does: 'nothing' }
  return settleAnyhow(known, sessionId, ended, found)
}

export function isNewer({ heldRevision, cdrs }: KnownOfSession, { revision }: Ended): boolean {
  return revision > Math.max(heldRevision ?? 0, ...cdrs.map((cdr) => cdr.revision))
}

/** The same for a session that is held already and is looked at again. */
export function settleAnyhow(
  known: KnownOfSession,
  sessionId: string,
  ended: Ended,
  { overlaps, hasTariff }: LookedUp,
): Settled {
  const payable = payableOf(known)
  // Somebody was turned away and took nothing: no fee for that. What was taken is billed, whoever let it flow.
  if (payable === undefined && ended.authorization !== 'Accepted' && ended.energyMilliWh === 0)
    return { does: 'nothing' }
  // A correction in review leaves the bill before it as it is, until someone has looked at it.
  const reasons = objections(ended)
  if (reasons.length > 0) return { does: 'hold', reasons }
  if (overlaps) return { does: 'hold', reasons: [OVERLAP] }
  if (!hasTariff) return { does: 'hold', reasons: [NO_TARIFF] }
  return { does: 'issue', cdrId: cdrIdOf(sessionId, ended), credits: payable?.cdrId }
}

/** From the session and its revision, so that billing it twice is billing it once. */
function cdrIdOf(sessionId: string, { revision }: Ended): string {
  return `${sessionId}:${revision}`
}

export function creditIdOf(cdrId: string): string {
  return `${cdrId}:credit`
}

/** What stands against billing it: its site's reasons, and what must not become a bill whatever its site thought of it. */
export function objections(ended: Ended): string[] {
  const reasons: string[] = [...ended.review]
  if (ended.energyMilliWh === undefined) reasons.push('register-missing')
  if ((ended.energyMilliWh ?? 0) < 0) reasons.push('register-falling')
  const [startedMs, endedMs] = [placeable(ended.startedAt), placeable(ended.endedAt)]
  if (startedMs === undefined || endedMs === undefined || endedMs < startedMs)
    reasons.push('unplaceable-time')
  return [...new Set(reasons)]
}

function placeable(at: string): number | undefined {
  const epochMs = parseInstant(at)
  return epochMs !== undefined && isKeepable(epochMs) ? epochMs : undefined
}

/** Whether two sessions of one connector had it at the same time (I12). What has no length overlaps nothing. */
export function overlap(
  a: Pick<Ended, 'startedAt' | 'endedAt'>,
  b: Pick<Ended, 'startedAt' | 'endedAt'>,
): boolean {
  const [aFrom, aTo, bFrom, bTo] = [a.startedAt, a.endedAt, b.startedAt, b.endedAt].map(placeable)
  if (aFrom === undefined || aTo === undefined || bFrom === undefined || bTo === undefined) return false
  return aFrom < aTo && bFrom < bTo && aFrom < bTo && aTo > bFrom
}
