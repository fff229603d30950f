/**
 * What becomes of an ended session: nothing, a hold with its reasons, a CDR, or a credit and a new CDR. Pure: billing carries it
 * out in its tables, the simulator in memory, so that both hold invariants I4, I12 and I13 by the same rules. What a person
 * decides of a held one stands in decide.ts.
 *
 * A revision that is not newer than what is billed, held or decided changes nothing, so that facts may come twice and in any order.
 */

import { isKeepable, parseInstant } from '../instant.ts'
import { mutated } from '../mutation.ts'
import type { FactData } from '../site/fact.ts'

export const NO_TARIFF = 'no-tariff'
export const OVERLAP = 'overlaps-another-session'
/** A person waived the session, and then its site told it otherwise: only a person may undo that. */
export const WAIVED_BEFORE = 'waived-before'
const NO_IDENTITY = 'no-identity'

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
  /** The newest decision of a person; `settlement` counts them, from 1, within the session. */
  decided: { revision: number; settlement: number; action: 'accept' | 'correct' | 'waive' } | undefined
}

/** What was looked up for it. */
export interface LookedUp {
  /** Whether it overlaps a payable CDR of another session on its connector (`overlap`). */
  overlaps: boolean
  /** Whether there is a tariff: that of the CDR that it would replace, else the one in force at its start. */
  hasTariff: boolean
  /** Whether its site bills energy that nobody identified for (a free site), instead of asking a person. */
  billsUnidentified: boolean
}

export type Settled =
  | { does: 'nothing' }
  | { does: 'hold'; reasons: string[] }
  /** `credits`: id of the payable CDR that it replaces. */
  | { does: 'issue'; cdrId: string; credits: string | undefined }

export function payableOf({ cdrs }: Pick<KnownOfSession, 'cdrs'>): BilledAs | undefined {
  return cdrs.find((cdr) => !cdr.credited)
}

/** A revision of a session that has come: it counts when it is newer than all that is billed, held and decided. */
export function settle(known: KnownOfSession, sessionId: string, ended: Ended, found: LookedUp): Settled {
  if (!isNewer(known, ended) && !mutated('bill-old-revision')) return { does: 'nothing' }
  return settleAnyhow(known, sessionId, ended, found)
}

export function isNewer(known: KnownOfSession, { revision }: Ended): boolean {
  return revision > Math.max(newestRevision(known), known.decided?.revision ?? 0)
}

export function newestRevision({ heldRevision, cdrs }: KnownOfSession): number {
  return Math.max(heldRevision ?? 0, ...cdrs.map((cdr) => cdr.revision))
}

/** The same for a session that is held already and is looked at again. */
export function settleAnyhow(
  known: KnownOfSession,
  sessionId: string,
  ended: Ended,
  found: LookedUp,
): Settled {
  const payable = payableOf(known)
  // Somebody was turned away and took nothing: no fee for that. Energy that flowed is never dropped, whoever let it flow.
  if (payable === undefined && ended.authorization !== 'Accepted' && ended.energyMilliWh === 0)
    return { does: 'nothing' }
  const reasons = objections(ended, found)
  if (known.decided?.action === 'waive') reasons.push(WAIVED_BEFORE)
  // A correction in review leaves the bill before it as it is, until someone has looked at it.
  if (reasons.length > 0 && !mutated('bill-in-spite-of-review')) return { does: 'hold', reasons }
  return billOrHold(known, cdrIdOf(sessionId, ended.revision, 0), found)
}

/** There is nothing against it in itself: it is billed, unless what was looked up stands against it. */
export function billOrHold(known: KnownOfSession, cdrId: string, found: LookedUp): Settled {
  if (found.overlaps && !mutated('bill-overlaps')) return { does: 'hold', reasons: [OVERLAP] }
  if (!found.hasTariff) return { does: 'hold', reasons: [NO_TARIFF] }
  return {
    does: 'issue',
    cdrId,
    credits: mutated('bill-every-revision') ? undefined : payableOf(known)?.cdrId,
  }
}

/** From the session, its revision and the decision that released it (0: nobody had to), so that billing it twice is billing it once. */
export function cdrIdOf(sessionId: string, revision: number, settlement: number): string {
  return settlement === 0 ? `${sessionId}:${revision}` : `${sessionId}:${revision}.${settlement}`
}

export function creditIdOf(cdrId: string): string {
  return `${cdrId}:credit`
}

/** What stands against billing it: its site's reasons, what is impossible whatever its site thought of it, and that nobody is to pay. */
export function objections(
  ended: Ended,
  { billsUnidentified }: Pick<LookedUp, 'billsUnidentified'>,
): string[] {
  const reasons: string[] = [...ended.review, ...impossible(ended)]
  if (ended.energyMilliWh !== 0 && !isIdentified(ended)) reasons.push(NO_IDENTITY)
  return [...new Set(reasons)].filter((reason) => reason !== NO_IDENTITY || !billsUnidentified)
}

/** Whose card is in use elsewhere is known as well; one that was refused says nothing of who took the energy. */
function isIdentified({ idToken, authorization }: Ended): boolean {
  return idToken !== undefined && (authorization === 'Accepted' || authorization === 'ConcurrentTx')
}

/** What nobody can bill, be it told by a site or by a person. */
export function impossible(ended: Pick<Ended, 'energyMilliWh' | 'startedAt' | 'endedAt'>): string[] {
  const reasons: string[] = []
  if (ended.energyMilliWh === undefined) reasons.push('register-missing')
  if ((ended.energyMilliWh ?? 0) < 0) reasons.push('register-falling')
  const [startedMs, endedMs] = [placeable(ended.startedAt), placeable(ended.endedAt)]
  if (startedMs === undefined || endedMs === undefined || endedMs < startedMs)
    reasons.push('unplaceable-time')
  return reasons
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
