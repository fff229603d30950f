/**
 * TransactionEvent (2.0.1 use cases E01 to E14): start, change and end of a session. Events may come twice, late, or without
 * what came before; `seqNo` is not trusted (stations repeat it), the transaction id and the timestamps are.
 */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { TransactionEventRequest, TransactionEventResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { isInUse, tokenDecided } from '../../session/authorize.ts'
import { endSession, keepUnmatched } from '../../session/end.ts'
import { takeReadings } from '../../session/meter.ts'
import { firstRegister, lastRegister, type Reading } from '../../session/reading.ts'
import { type Session, sessionOfTransaction } from '../../session/session.ts'
import { startSession } from '../../session/start.ts'
import { updateSession } from '../../session/update.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTokenInfo, idTokenOf } from './authorize.ts'
import { readingsOf } from './readings.ts'

export function transactionEvent(
  context: HandlerContext,
  said: TransactionEventRequest,
): Decision<TransactionEventResponse> {
  const { stationId, authorization } = context
  const draft = new Draft(context.state)
  const known = sessionOfTransaction(draft, stationId, said.transactionInfo.transactionId)
  // A token that is presented to end the session takes over nothing, and is no second use.
  const isStop = said.eventType === 'Ended' || said.triggerReason === 'StopAuthorized'
  const status = authorization && (isStop ? authorization.status : statusAt(draft, context, said, known))
  const reply: TransactionEventResponse =
    authorization && status ? { idTokenInfo: idTokenInfo(authorization, status) } : {}

  const resendKey = `${said.eventType}/${said.seqNo}/${said.timestamp}`
  if (known?.resendKey === resendKey) return { reply, outcome: draft.outcome() }

  const readings = readingsOf(said.meterValue)
  if (!known && said.eventType === 'Ended') {
    keepEnd(draft, context, said, readings)
    return { reply, outcome: draft.outcome() }
  }
  let session = known ?? start(draft, context, said, readings, status, resendKey)
  // After an end of the station's own, a late event changes nothing; its readings are still kept.
  if (known && (!known.end || known.end.presumed)) {
    session = updateSession(draft, context, known, {
      resendKey,
      ...(said.eventType === 'Started' ? { startedAtMs: eventTime(context, said) } : {}),
      ...(said.evse ? { evseId: said.evse.id, connectorId: said.evse.connectorId ?? 1 } : {}),
      ...(said.idToken && status && !isStop
        ? { idToken: idTokenOf(said.idToken), authorization: status }
        : {}),
      ...startRegister(said, readings),
      ...(said.transactionInfo.chargingState === undefined
        ? {}
        : { chargingState: said.transactionInfo.chargingState }),
      ...(said.transactionInfo.remoteStartId === undefined
        ? {}
        : { remoteStartId: said.transactionInfo.remoteStartId }),
    })
  }
  if (readings.length > 0) session = takeReadings(draft, context, session, readings)
  if (said.eventType === 'Ended') {
    const register = lastRegister(readings, 'Transaction.End') ?? lastRegister(readings)
    endSession(draft, context, session, {
      atMs: eventTime(context, said),
      ...(register ? { registerMilliWh: register.milliWh } : {}),
      reason: said.transactionInfo.stoppedReason ?? 'Local',
    })
  }
  if (authorization && status) draft.fact(tokenDecided(stationId, authorization, status))
  return { reply, outcome: draft.outcome() }
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
  const inUse =
    authorization.status === 'Accepted' &&
    isInUse(draft, stationIds, authorization.idToken, atMs, known?.sessionId)
  return inUse ? 'ConcurrentTx' : authorization.status
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
  const register = isStart
    ? (firstRegister(readings, 'Transaction.Begin') ?? firstRegister(readings))
    : firstRegister(readings, 'Transaction.Begin')
  return startSession(draft, context, {
    evseId: evse?.id ?? 0,
    connectorId: evse ? (evse.connectorId ?? 1) : 0,
    transactionId: transactionInfo.transactionId,
    startedAtMs: eventTime(context, said),
    ...(idToken ? { idToken: idTokenOf(idToken) } : {}),
    authorization: status ?? 'None',
    ...(register ? { registerMilliWh: register.milliWh } : {}),
    ...(transactionInfo.remoteStartId === undefined ? {} : { remoteStartId: transactionInfo.remoteStartId }),
    offline: said.offline ?? false,
    ...(transactionInfo.chargingState === undefined ? {} : { chargingState: transactionInfo.chargingState }),
    resendKey,
    ...(isStart ? {} : { review: ['unknown-start' as const] }),
  })
}

/** The start's register may come with a later event, marked Transaction.Begin. */
function startRegister(
  said: TransactionEventRequest,
  readings: Reading[],
): { startRegisterMilliWh?: number } {
  const begin =
    firstRegister(readings, 'Transaction.Begin') ??
    (said.eventType === 'Started' ? firstRegister(readings) : undefined)
  return begin ? { startRegisterMilliWh: begin.milliWh } : {}
}

/** The end of a transaction nobody has heard of. */
function keepEnd(
  draft: Draft,
  context: HandlerContext,
  said: TransactionEventRequest,
  readings: Reading[],
): void {
  const register = lastRegister(readings, 'Transaction.End') ?? lastRegister(readings)
  keepUnmatched(draft, context.stationId, said.transactionInfo.transactionId, {
    atMs: eventTime(context, said),
    ...(register ? { registerMilliWh: register.milliWh } : {}),
    ...(said.idToken ? { idToken: idTokenOf(said.idToken) } : {}),
    reason: said.transactionInfo.stoppedReason ?? 'Local',
  })
}

function eventTime(context: HandlerContext, said: TransactionEventRequest): number {
  return parseInstant(said.timestamp) ?? context.at.nowMs
}
