/** StartTransaction (1.6 section 4.8). A session is recorded whoever is to pay: the station may already be delivering. */

import { parseInstant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { StartTransactionRequest, StartTransactionResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { appliedDocument } from '../../documents.ts'
import { Draft } from '../../draft.ts'
import { isInUse, isOnTrust, statusToStart, tokenDecided } from '../../session/authorize.ts'
import { keepTariff } from '../../session/cost.ts'
import { registerFromWh } from '../../session/reading.ts'
import { takeRemoteStart } from '../../session/remote-starts.ts'
import { hasDelivered, runningSessions, sessionById, startKey } from '../../session/session.ts'
import { startSession } from '../../session/start.ts'
import { isPlausible } from '../../session/timing.ts'
import { useReservation } from '../../station/reservations.ts'
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

  // A resend is what a start on that connector said, word for word; anything else is another start.
  const resendKey = startKey(idTag, meterStart, startedAtMs)
  const station = stationOf(draft, context.stationId)
  const connector = station && connectorOf(station, connectorId, 1)
  const newest = sessionById(draft, connector?.newestSessionId)
  // A start out of a queue runs beside a newer one on its connector, and may be sent again as well.
  const beside = runningSessions(draft, context.stationId).filter((s) => s.evseId === connectorId)
  const meant = [...(newest ? [newest] : []), ...beside].find((s) => s.resendKey === resendKey)
  // A clock that was never set begins anew with every reboot: there, only what has not ended can be meant.
  const canBeResend =
    isPlausible(startedAtMs, context.at) || !meant?.end || meant.end.presumed || hasDelivered(meant)
  if (meant && canBeResend && !mutated('resent-start-is-new')) {
    // What was refused stays refused, though the disk may have room by now.
    const refused = meant.authorization === 'ConcurrentTx' || meant.authorization === 'Blocked'
    const status = refused ? (meant.authorization as 'ConcurrentTx' | 'Blocked') : decision.status
    return {
      reply: { transactionId: Number(meant.transactionId), idTagInfo: idTagInfo(decision, status) },
      outcome: draft.outcome(),
    }
  }

  const idToken = idTokenOf(idTag)
  const granted = statusToStart(draft, decision)
  const use = { stationId: context.stationId, evseId: connectorId, connectorId: 1, atMs: startedAtMs }
  const inUse = granted === 'Accepted' && isInUse(draft, context.stationIds, idToken, use)
  const offline = context.at.nowMs - startedAtMs > QUEUED_AFTER_MS
  // One out of a queue has flowed already: nobody is asked to stop it.
  const isFull = context.refusesSessions && !offline && granted === 'Accepted'
  const status = isFull ? 'Blocked' : inUse ? 'ConcurrentTx' : granted
  const registerMilliWh = registerFromWh(meterStart)
  const transactionId = context.drawTransactionId(draft)
  const commandId = takeRemoteStart(draft, context, {
    token: idTag,
    evseId: connectorId,
    atMs: startedAtMs,
  })
  const session = startSession(draft, context, {
    evseId: connectorId,
    connectorId: 1,
    transactionId: String(transactionId),
    startedAtMs,
    idToken,
    authorization: status,
    onTrust: isOnTrust(decision),
    ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
    ...(commandId === undefined ? {} : { commandId }),
    offline,
    resendKey,
  })
  // 1.6 asks for no cost: it is told where the site's operator wants it.
  if (appliedDocument(draft, 'site')?.runningCost) keepTariff(draft, session, context.at.nowMs)
  useReservation(draft, context.stationId, session, said.reservationId)
  draft.fact(tokenDecided(context.stationId, decision, status))
  return {
    reply: { transactionId, idTagInfo: idTagInfo(decision, status) },
    outcome: draft.outcome(),
  }
}
