/**
 * TransactionEvent (2.0.1 use cases E01 to E14): start, change and end of a session. Events may come twice, late, or without
 * what came before; `seqNo` is not trusted (stations repeat it), the transaction id and the timestamps are.
 */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { TransactionEventRequest, TransactionEventResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft, type StateReader } from '../../draft.ts'
import {
  type Authorization,
  authorizeLocally,
  isInUse,
  isOnTrust,
  statusToStart,
  tokenDecided,
} from '../../session/authorize.ts'
import { finalCost, keepTariff, keptTariff, runningCost, startCorrected } from '../../session/cost.ts'
import { correctEnd, endSession, presumeEnd } from '../../session/end.ts'
import { noteEvent } from '../../session/event-numbers.ts'
import { takeReadings } from '../../session/meter.ts'
import {
  endRegisterOf,
  firstRegister,
  lastRegister,
  type Reading,
  startRegisterOf,
} from '../../session/reading.ts'
import { takeRemoteStart } from '../../session/remote-starts.ts'
import {
  hasDelivered,
  type Metered,
  meteredOf,
  putSession,
  type Session,
  sessionById,
  sessionIdOf,
  type Unmetered,
  unmeteredById,
} from '../../session/session.ts'
import { startSession } from '../../session/start.ts'
import { isPlausible } from '../../session/timing.ts'
import { updateSession } from '../../session/update.ts'
import { useReservation } from '../../station/reservations.ts'
import { tokenEntry } from '../../tokens.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTokenInfo, idTokenOf, personalMessageOf } from './authorize.ts'
import { readingsOf } from './readings.ts'

export function transactionEvent(
  context: HandlerContext,
  said: TransactionEventRequest,
): Decision<TransactionEventResponse> {
  const { stationId, authorization } = context
  const draft = new Draft(context.state)
  const named = unmeteredById(draft, sessionIdOf(draft, stationId, said.transactionInfo.transactionId))
  const known = named && isOfAnother(draft, named, context, said) ? undefined : named
  // A token that is presented to end the session takes over nothing, and is no second use.
  const isStop = said.eventType === 'Ended' || said.triggerReason === 'StopAuthorized'
  const status = authorization && (isStop ? authorization.status : statusAt(draft, context, said, known))
  const shown = shownTo(draft, context, said, known)
  const changed = authorization ? undefined : changedToken(draft, shown, said, known)
  const hasNews = !authorization && shown?.personalMessage !== known?.toldMessage
  const updatedPersonalMessage = hasNews && shown ? personalMessageOf(shown) : undefined
  const reply = (cost: number | undefined): TransactionEventResponse => ({
    ...(cost === undefined ? {} : { totalCost: cost }),
    ...(authorization && status ? { idTokenInfo: idTokenInfo(authorization, status) } : {}),
    ...(changed ? { idTokenInfo: idTokenInfo(changed, changed.status) } : {}),
    ...(updatedPersonalMessage ? { updatedPersonalMessage } : {}),
  })

  const readings = readingsOf(said.meterValue)
  const resendKey = keyOf(said, readings)
  if (known?.resendKey === resendKey)
    return { reply: reply(costFor(draft, context, said, known)), outcome: draft.outcome() }

  if (named && !known) presumeEnd(draft, context, sessionById(draft, named.sessionId)!, 'NewSession')
  let session: Unmetered = known ?? start(draft, context, said, readings, status, resendKey)
  const lateStart =
    known?.end?.presumed === false && said.eventType === 'Started' && known.review.includes('unknown-start')
  // After an end of the station's own, a late event changes nothing but an unknown start; its readings are still kept.
  if (known && (!known.end || known.end.presumed || lateStart)) {
    session = updateSession(draft, context, known, {
      resendKey,
      ...(said.eventType === 'Started' ? { startedAtMs: eventTime(context, said) } : {}),
      ...(said.evse ? { evseId: said.evse.id, connectorId: said.evse.connectorId ?? 1 } : {}),
      ...(said.idToken && status && !isStop
        ? { idToken: idTokenOf(said.idToken), authorization: status, onTrust: isTrusted(context) }
        : {}),
      ...startRegister(said, readings),
      ...(said.transactionInfo.chargingState === undefined
        ? {}
        : { chargingState: said.transactionInfo.chargingState }),
      ...remoteStart(draft, context, said, known),
    })
    if (said.eventType === 'Started' && known.review.includes('unknown-start')) startCorrected(draft, session)
  }
  session = noteEvent(draft, session, said.seqNo, said.eventType === 'Ended')
  if (changed && session.toldStatus !== changed.status) {
    session = { ...session, toldStatus: changed.status }
    putSession(draft, session)
    draft.fact(tokenDecided(stationId, changed, changed.status))
  }
  if (shown && shown.personalMessage !== session.toldMessage) {
    const { toldMessage: _before, ...rest } = session
    const { personalMessage } = shown
    session = personalMessage === undefined ? rest : { ...rest, toldMessage: personalMessage }
    putSession(draft, session)
  }
  if (!isStop) useReservation(draft, stationId, session, said.reservationId)
  if (readings.length > 0) {
    takeReadings(draft, context, session, readings)
    session = unmeteredById(draft, session.sessionId) ?? session
  }
  if (lateStart) correctEnd(draft, context, sessionById(draft, session.sessionId)!)
  if (said.eventType === 'Ended') {
    const registerMilliWh = endRegisterOf(readings)
    endSession(draft, context, sessionById(draft, session.sessionId)!, {
      atMs: eventTime(context, said),
      ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
      reason: said.transactionInfo.stoppedReason ?? 'Local',
    })
  }
  if (authorization && status) draft.fact(tokenDecided(stationId, authorization, status))
  return { reply: reply(costFor(draft, context, said, session)), outcome: draft.outcome() }
}

/**
 * What became of the token of a running session since it was accepted, where the tokens document says so: the station stops, or does
 * not, as its TxCtrlr.StopTxOnInvalidId says (E05); said with every update while it holds, as an answer may be lost. That its time runs
 * out, or that it is no longer known, ends nothing.
 */
function changedToken(
  draft: Draft,
  now: Authorization | undefined,
  { eventType }: TransactionEventRequest,
  session: Session | undefined,
): Authorization | undefined {
  if (eventType !== 'Updated' || !now || session?.authorization !== 'Accepted') return undefined
  const isRefused = now.status !== 'Accepted' && tokenEntry(draft, now.idToken)?.status !== 'Accepted'
  // Accepted again: said once, to one that was told otherwise.
  const isForgiven = !isRefused && session.toldStatus !== undefined && session.toldStatus !== 'Accepted'
  return isRefused || isForgiven ? now : undefined
}

/** What is known of the token that the event presents, or of the session's while it runs; undefined where nobody is to be told anything. */
function shownTo(
  draft: Draft,
  { authorization, at }: HandlerContext,
  { eventType, triggerReason }: TransactionEventRequest,
  session: Session | undefined,
): Authorization | undefined {
  if (eventType === 'Ended' || triggerReason === 'StopAuthorized' || session?.end) return undefined
  if (authorization) return authorization
  return session?.idToken && authorizeLocally(draft, session.idToken, at.nowMs)
}

/** The running cost with an update (I02), the final one with the end (I03); a start has cost nothing yet. */
function costFor(
  draft: Draft,
  context: HandlerContext,
  said: TransactionEventRequest,
  { sessionId }: Unmetered,
): number | undefined {
  if (said.eventType === 'Started') return undefined
  if (said.eventType === 'Ended') return finalCost(draft, sessionId)
  const session = keptTariff(draft, sessionId) && sessionById(draft, sessionId)
  return session && runningCost(draft, session, eventTime(context, said))
}

function isTrusted({ authorization }: HandlerContext): boolean {
  return authorization !== undefined && isOnTrust(authorization)
}

/** Accepted tokens that are in use elsewhere are ConcurrentTx (use case C01, E03). */
function statusAt(
  draft: Draft,
  context: HandlerContext,
  said: TransactionEventRequest,
  known: Session | undefined,
) {
  const { authorization, stationIds } = context
  if (!authorization) return undefined
  const atMs = eventTime(context, said)
  const status = statusToStart(draft, authorization)
  // One that was told of late has flowed already: nobody is asked to stop it.
  if (context.refusesSessions && !known && !said.offline && status === 'Accepted') return 'NotAtThisTime'
  const use = {
    stationId: context.stationId,
    evseId: said.evse?.id ?? known?.evseId ?? 0,
    connectorId: said.evse?.connectorId ?? known?.connectorId ?? 1,
    atMs,
    sessionId: known?.sessionId,
  }
  const inUse = status === 'Accepted' && isInUse(draft, stationIds, authorization.idToken, use)
  return inUse ? 'ConcurrentTx' : status
}

/**
 * Whether a Started is of another transaction than the session of that id: stations count from 1 again after a reboot. The
 * same Started sent again, or one that comes after other events of its transaction, is of the session.
 */
function isOfAnother(
  state: StateReader,
  session: Unmetered,
  context: HandlerContext,
  said: TransactionEventRequest,
): boolean {
  if (said.eventType !== 'Started' || session.review.includes('unknown-start')) return false
  const atMs = eventTime(context, said)
  const { end, startedAtMs } = session
  const { register } = meteredOf(state, session)
  if (!end) return atMs > Math.max(startedAtMs, register?.atMs ?? 0) && hasGoneOn(session, register, said)
  if (atMs !== startedAtMs) return atMs >= end.endedAtMs || !isPlausible(atMs, context.at)
  // A clock that was never set tells the same time after every reboot: only what has not ended can be meant.
  return !end.presumed && !isPlausible(atMs, context.at) && !hasDelivered(session)
}

/** Whether more than its start is known of a session: a start that is sent again with a new timestamp finds none. */
function hasGoneOn(
  session: Unmetered,
  register: Metered['register'],
  { idToken }: TransactionEventRequest,
): boolean {
  const isOther = idToken && session.idToken && idToken.idToken !== session.idToken.value
  const { startRegisterMilliWh, resendKey } = session
  return isOther || resendKey?.startsWith('Started/') !== true || register?.milliWh !== startRegisterMilliWh
}

/** What tells an event sent again from another one: stations repeat `seqNo`, and their timestamps are whole seconds. */
function keyOf(said: TransactionEventRequest, readings: readonly Reading[]): string {
  const { eventType, seqNo, timestamp, triggerReason, transactionInfo, idToken, evse } = said
  const register = lastRegister(readings)?.milliWh
  const state = [transactionInfo.chargingState, idToken?.idToken, evse?.id, readings.length, register]
  return [eventType, seqNo, timestamp, triggerReason, ...state].join('/')
}

/** A session begins with the first event of its transaction; where that is not Started, the true start is not known yet. */
function start(
  draft: Draft,
  context: HandlerContext,
  said: TransactionEventRequest,
  readings: Reading[],
  status: string | undefined,
  resendKey: string,
): Session {
  const { transactionInfo, evse, idToken } = said
  const isStart = said.eventType === 'Started'
  const registerMilliWh = startRegisterOf(readings, isStart)
  const beginMs = isStart ? undefined : firstRegister(readings, 'Transaction.Begin')?.atMs
  const session = startSession(draft, context, {
    evseId: evse?.id ?? 0,
    connectorId: evse ? (evse.connectorId ?? 1) : 0,
    transactionId: transactionInfo.transactionId,
    startedAtMs: beginMs ?? eventTime(context, said),
    ...(idToken ? { idToken: idTokenOf(idToken) } : {}),
    authorization: status ?? 'None',
    onTrust: isTrusted(context),
    ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
    ...remoteStart(draft, context, said),
    offline: said.offline ?? false,
    ...(transactionInfo.chargingState === undefined ? {} : { chargingState: transactionInfo.chargingState }),
    resendKey,
    ...(isStart ? {} : { review: ['unknown-start' as const] }),
    isOver: said.eventType === 'Ended',
  })
  // An end alone tells neither when it began nor what it took: any amount would be wrong.
  if (said.eventType !== 'Ended' || beginMs !== undefined) keepTariff(draft, session, context.at.nowMs)
  return session
}

/** The remote start that it answers, and its command; ids of ours have 31 bits. */
function remoteStart(
  draft: Draft,
  context: HandlerContext,
  { transactionInfo: { remoteStartId }, idToken, evse, timestamp }: TransactionEventRequest,
  known?: Session,
): Pick<Session, 'remoteStartId' | 'commandId'> {
  if (remoteStartId === undefined || !Number.isSafeInteger(remoteStartId)) return {}
  const commandId = takeRemoteStart(draft, context, {
    token: idToken?.idToken ?? known?.idToken?.value,
    remoteStartId,
    evseId: evse?.id ?? known?.evseId ?? 0,
    atMs: parseInstant(timestamp) ?? context.at.nowMs,
  })
  return { remoteStartId, ...(commandId === undefined ? {} : { commandId }) }
}

/** The start's register may come with a later event, marked Transaction.Begin. */
function startRegister(
  said: TransactionEventRequest,
  readings: Reading[],
): { startRegisterMilliWh?: number } {
  const startRegisterMilliWh = startRegisterOf(readings, said.eventType === 'Started')
  return startRegisterMilliWh === undefined ? {} : { startRegisterMilliWh }
}

function eventTime(context: HandlerContext, said: TransactionEventRequest): number {
  return parseInstant(said.timestamp) ?? context.at.nowMs
}
