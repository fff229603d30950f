/** A session ends: because its station says so, or because everything shows that it is over. */

import { instant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { FactData, ReviewReason } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { changeConnector, changeStation, withRegister } from '../station/station.ts'
import { profileOf } from './meter.ts'
import { checkStep, checkZeroStart } from './plausibility.ts'
import {
  forgetSession,
  putSession,
  type Session,
  type SessionContext,
  type SessionEnd,
  startOf,
  withConnectorFree,
  withReasons,
} from './session.ts'
import { type Moment, type Placed, place, placePresumed, type TimedAt } from './timing.ts'

/** Ended sessions of one station that are kept for late stops and resends; the oldest is forgotten. */
export const ENDED_MAX = 50

export interface End {
  /** The station's timestamp, ms. */
  atMs: number
  /** Absent: the station did not say; the last register counts, and the session is reviewed. */
  registerMilliWh?: number
  reason: string
  /** When it was received; absent: now. */
  received?: Moment
}

/**
 * The station's own word on the end. After a presumed end it is the next revision; after an end of its own it is a resend,
 * and nothing happens (but a register that differs from the first is kept as a fact).
 */
export function endSession(draft: Draft, context: SessionContext, session: Session, end: End): void {
  if (session.end && mutated('late-stop-ignored')) return
  if (session.end && !session.end.presumed) {
    if (end.registerMilliWh !== undefined && end.registerMilliWh !== session.end.registerMilliWh)
      keepUnmatched(draft, context.stationId, session.transactionId, end)
    return
  }
  const register = end.registerMilliWh ?? session.register?.milliWh
  const told = { atMs: end.atMs, received: end.received ?? context.at }
  const placed = place(startOf(session), told, session.register?.atMs)
  const reasons: ReviewReason[] = [
    ...(end.registerMilliWh === undefined ? (['register-missing'] as const) : []),
    ...(placed.sure ? [] : (['unplaceable-time'] as const)),
  ]
  const { reason } = end
  const how = { reason, presumed: false, found: reasons, ...(isUnknown(told) ? { told } : {}) }
  finish(draft, context, session, placed, register, how)
}

function isUnknown({ received }: TimedAt): boolean {
  return received.quality === 'unknown'
}

/** Reasons that the end of a session finds, whatever was found before it. */
const FOUND_AT_END: readonly ReviewReason[] = ['register-missing', 'unplaceable-time', 'no-identity']

/** A session that has ended turns out to have begun otherwise: its end is told again, as the next revision. */
export function correctEnd(draft: Draft, context: SessionContext, session: Session): void {
  const { end, ...open } = session
  if (!end) return
  const review = open.review.filter((reason) => !FOUND_AT_END.includes(reason))
  const untold = end.registerUntold || end.registerMilliWh === undefined
  endSession(
    draft,
    context,
    { ...open, review },
    {
      atMs: end.told?.atMs ?? end.endedAtMs,
      ...(end.told ? { received: end.told.received } : {}),
      ...(untold ? {} : { registerMilliWh: end.registerMilliWh! }),
      reason: end.reason,
    },
  )
}

/**
 * Ends a session that its station left open, at its last register. Nothing happens to one that has ended. Without any
 * register after the start there is nothing to bill from: held for review.
 */
export function presumeEnd(draft: Draft, context: SessionContext, session: Session, reason: string): void {
  if (session.end) return
  const last = session.register
  const placed = placePresumed(startOf(session), last?.atMs)
  const found: ReviewReason[] = [
    ...(last && last.atMs > placed.startedAtMs ? [] : (['register-missing'] as const)),
    ...(placed.sure ? [] : (['unplaceable-time'] as const)),
  ]
  finish(draft, context, session, placed, last?.milliWh, { reason, presumed: true, found })
}

/** A stop for a transaction nobody knows, or one that contradicts the first: kept, for a person to look at. */
export function keepUnmatched(
  draft: Draft,
  stationId: string,
  transactionId: string,
  end: End & Pick<FactData<'session.stop-unmatched'>, 'idToken'>,
): void {
  draft.fact({
    kind: 'session.stop-unmatched',
    stationId,
    data: {
      transactionId,
      at: instant(end.atMs),
      ...(end.registerMilliWh === undefined ? {} : { registerMilliWh: end.registerMilliWh }),
      ...(end.idToken ? { idToken: end.idToken } : {}),
      reason: end.reason,
    },
  })
}

/** How a session ended, and what speaks against billing it. */
interface How extends Pick<SessionEnd, 'reason' | 'presumed' | 'told'> {
  found: ReviewReason[]
}

function finish(
  draft: Draft,
  context: SessionContext,
  session: Session,
  placed: Placed,
  registerMilliWh: number | undefined,
  { reason, presumed, told, found }: How,
): void {
  const { stationId, sessionId, startRegisterMilliWh } = session
  const { startedAtMs, endedAtMs } = placed
  // A plug that came and went without energy is nobody's to pay.
  const tookNothing = startRegisterMilliWh !== undefined && startRegisterMilliWh === registerMilliWh
  const review = withReasons(session.review, [
    ...found,
    ...checkEnd(session, placed, registerMilliWh, context.maxPowerW),
    ...(session.idToken || tookNothing ? [] : (['no-identity'] as const)),
  ])
  const energyMilliWh =
    startRegisterMilliWh === undefined || registerMilliWh === undefined
      ? undefined
      : registerMilliWh - startRegisterMilliWh
  const startedAt = instant(startedAtMs)
  const endedAt = instant(endedAtMs)
  const revision = session.revision + 1
  draft.fact({
    kind: 'session.ended',
    stationId,
    sessionId,
    data: {
      evseId: session.evseId,
      connectorId: session.connectorId,
      revision,
      startedAt,
      endedAt,
      durationMs: endedAtMs - startedAtMs,
      ...(startRegisterMilliWh === undefined ? {} : { startRegisterMilliWh }),
      ...(registerMilliWh === undefined ? {} : { endRegisterMilliWh: registerMilliWh }),
      ...(energyMilliWh === undefined || energyMilliWh < 0 ? {} : { energyMilliWh }),
      ...(session.idToken ? { idToken: session.idToken } : {}),
      authorization: session.authorization,
      reason,
      presumed,
      review,
      profile: profileOf(draft, session).filter((p) => p.at > startedAt && p.at <= endedAt),
      transactionId: session.transactionId,
    },
  })
  putSession(draft, {
    ...withConnectorFree(session, undefined),
    revision,
    // What a presumed end found is found anew by the end that corrects it.
    review: presumed ? session.review : review,
    end: {
      endedAtMs,
      ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
      ...(found.includes('register-missing') ? { registerUntold: true } : {}),
      reason,
      presumed,
      ...(told ? { told } : {}),
    },
  })
  leave(draft, session, registerMilliWh, endedAtMs)
}

/** The registers at both ends, over the whole session, and from the last reading to the end. */
function checkEnd(
  session: Session,
  placed: Placed,
  endMilliWh: number | undefined,
  maxPowerW: number,
): ReviewReason[] {
  if (session.startRegisterMilliWh === undefined || endMilliWh === undefined) return ['register-missing']
  const end = { atMs: placed.endedAtMs, milliWh: endMilliWh }
  const start = { atMs: placed.startedAtMs, milliWh: session.startRegisterMilliWh }
  const last = session.register
  return [
    ...checkZeroStart(start.milliWh, end.milliWh),
    ...checkStep(start, end, maxPowerW, true),
    ...(last && last.atMs <= end.atMs ? checkStep(last, end, maxPowerW, false) : []),
  ]
}

/** The connector is free of it, the station counts it as ended, and the oldest ended one is forgotten. */
function leave(draft: Draft, session: Session, registerMilliWh: number | undefined, endedAtMs: number): void {
  const { stationId, sessionId } = session
  changeConnector(draft, stationId, session.evseId, session.connectorId, (connector) => {
    const { sessionId: there, ...free } = connector
    const left = there === sessionId ? free : connector
    return registerMilliWh === undefined ? left : withRegister(left, registerMilliWh, endedAtMs)
  })
  changeStation(draft, stationId, (station) => {
    const ended = [...station.ended.filter((id) => id !== sessionId), sessionId]
    for (const forgotten of ended.splice(0, Math.max(0, ended.length - ENDED_MAX)))
      forgetSession(draft, forgotten)
    return { ...station, running: station.running.filter((id) => id !== sessionId), ended }
  })
}
