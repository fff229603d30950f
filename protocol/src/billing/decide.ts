/**
 * What a person's decision on a session in review does. It is of one revision: where the site has told a newer one since, that one
 * goes its own way; only a waiver is remembered against it, for it must not be undone without anybody seeing it.
 */
import {
  billOrHold,
  cdrIdOf,
  type Ended,
  impossible,
  type KnownOfSession,
  type LookedUp,
  newestRevision,
  payableOf,
  type Settled,
  WAIVED_BEFORE,
} from './settle.ts'

export interface Decision {
  revision: number
  /** Counts the decisions on the session, from 1. */
  settlement: number
  action: 'accept' | 'correct' | 'waive'
}

/** What is billed by a decision: the session as its site told it, or as a person corrected it. */
export type Billable = Pick<
  Ended,
  'evseId' | 'connectorId' | 'startedAt' | 'endedAt' | 'durationMs' | 'energyMilliWh' | 'idToken'
>

export type Decided =
  | Settled
  /** The bill of this very revision stands; nothing waits any more. */
  | { does: 'keep' }
  /** Nothing is to be paid; `credits`: id of the CDR that was payable until then. */
  | { does: 'waive'; credits: string | undefined }
  /** A revision that nobody decided on is put before a person, with the bill that it may have left as it is. */
  | { does: 'reopen'; revision: number; reasons: string[] }

/** Whether the decision is new here: a decision may come twice. */
export function isNewDecision({ decided }: KnownOfSession, { settlement }: Decision): boolean {
  return settlement > (decided?.settlement ?? 0)
}

/** A revision that the site told after the one that was decided on, and before the decision was heard of. */
export function isOvertaken(known: KnownOfSession, { revision }: Decision): boolean {
  return newestRevision(known) > revision
}

/** `bill` is what is to be billed; a waiver has none. */
export function decide(
  known: KnownOfSession,
  sessionId: string,
  decision: Decision,
  bill: Billable | undefined,
  found: LookedUp,
): Decided {
  if (!isNewDecision(known, decision)) return { does: 'nothing' }
  const { revision, settlement, action } = decision
  if (isOvertaken(known, decision))
    return action === 'waive'
      ? { does: 'reopen', revision: newestRevision(known), reasons: [WAIVED_BEFORE] }
      : { does: 'nothing' }
  const payable = payableOf(known)
  if (action === 'waive') return { does: 'waive', credits: payable?.cdrId }
  if (action === 'accept' && payable?.cdrId === cdrIdOf(sessionId, revision, 0)) return { does: 'keep' }
  return release(known, sessionId, revision, settlement, bill, found)
}

/** Bills what a person released, now or once what stands in its way is gone. */
export function release(
  known: KnownOfSession,
  sessionId: string,
  revision: number,
  settlement: number,
  bill: Billable | undefined,
  found: LookedUp,
): Settled {
  const reasons = bill === undefined ? ['register-missing'] : impossible(bill)
  if (reasons.length > 0) return { does: 'hold', reasons }
  return billOrHold(known, cdrIdOf(sessionId, revision, settlement), found)
}
