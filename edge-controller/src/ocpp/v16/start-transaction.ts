/** StartTransaction (1.6 section 4.8). A session is recorded whoever is to pay: the station may already be delivering. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { StartTransactionRequest, StartTransactionResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import { isInUse, tokenDecided } from '../../session/authorize.ts'
import { sessionById } from '../../session/session.ts'
import { startSession } from '../../session/start.ts'
import { isPlausible } from '../../session/timing.ts'
import { connectorOf, stationOf } from '../../station/station.ts'
import { OcppFault } from '../fault.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTagInfo, idTokenOf } from './authorize.ts'

/** A start received this long after its timestamp comes out of a queue. */
export const QUEUED_AFTER_MS = 60_000

export function startTransaction(
  context: HandlerContext,
  said: StartTransactionRequest,
): Decision<StartTransactionResponse> {
  const { connectorId, idTag, meterStart } = said
  if (connectorId < 1)
    throw new OcppFault('PropertyConstraintViolation', '/connectorId must be at least 1 in StartTransaction')
  const draft = new Draft(context.state)
  const decision = context.authorization!
  const startedAtMs = parseInstant(said.timestamp) ?? context.at.nowMs

  // A resend is what the newest start on that connector said, word for word; anything else is another start.
  const resendKey = `${idTag}/${meterStart}/${startedAtMs}`
  const station = stationOf(draft, context.stationId)
  const connector = station && connectorOf(station, connectorId, 1)
  const newest = sessionById(draft, connector?.newestSessionId)
  // A clock that was never set begins anew with every reboot: there, only what has not ended can be meant.
  const canBeResend = isPlausible(startedAtMs, context.at) || !newest?.end || newest.end.presumed
  if (newest?.resendKey === resendKey && canBeResend) {
    const status = newest.authorization === 'ConcurrentTx' ? 'ConcurrentTx' : decision.status
    return {
      reply: { transactionId: Number(newest.transactionId), idTagInfo: idTagInfo(decision, status) },
      outcome: draft.outcome(),
    }
  }

  const idToken = idTokenOf(idTag)
  const inUse =
    decision.status === 'Accepted' &&
    isInUse(draft, context.stationIds, idToken, startedAtMs, connector?.sessionId)
  const status = inUse ? 'ConcurrentTx' : decision.status
  const transactionId = context.drawTransactionId(draft)
  startSession(draft, context, {
    evseId: connectorId,
    connectorId: 1,
    transactionId: String(transactionId),
    startedAtMs,
    idToken,
    authorization: status,
    registerMilliWh: meterStart * 1000,
    offline: context.at.nowMs - startedAtMs > QUEUED_AFTER_MS,
    resendKey,
  })
  draft.fact(tokenDecided(context.stationId, decision, status))
  return {
    reply: { transactionId, idTagInfo: idTagInfo(decision, status) },
    outcome: draft.outcome(),
  }
}
