/** StopTransaction (1.6 section 4.10): never refused, or the station would repeat it for ever. */

import { parseInstant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { StopTransactionRequest, StopTransactionResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft, type StateReader } from '../../draft.ts'
import { authorizeLocally } from '../../session/authorize.ts'
import { type End, endSession, keepUnmatched } from '../../session/end.ts'
import { takeReadings } from '../../session/meter.ts'
import { checkStep } from '../../session/plausibility.ts'
import { registerFromWh } from '../../session/reading.ts'
import { runningSessions, type Session, sessionById, sessionOfTransaction } from '../../session/session.ts'
import { quirksAt } from '../../station/quirks.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTagInfo, idTokenOf } from './authorize.ts'
import { readingsOf } from './readings.ts'

export function stopTransaction(
  context: HandlerContext,
  said: StopTransactionRequest,
): Decision<StopTransactionResponse> {
  const { stationId } = context
  const draft = new Draft(context.state)
  const transactionId = String(said.transactionId)
  const registerMilliWh = registerFromWh(said.meterStop)
  const end = {
    atMs: parseInstant(said.timestamp) ?? context.at.nowMs,
    ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
    // A stop without a reason means Local (section 7.36).
    reason: said.reason ?? 'Local',
  }
  const session =
    sessionOfTransaction(draft, stationId, transactionId) ??
    (said.transactionId < 1 || quirksAt(draft, stationId).has('own-transaction-ids')
      ? sessionWithoutId(draft, context, said.idTag, end)
      : undefined)
  if (!session && mutated('unmatched-stop-dropped')) return { reply: {}, outcome: draft.outcome() }
  if (!session) {
    const idToken = said.idTag === undefined ? {} : { idToken: idTokenOf(said.idTag) }
    keepUnmatched(draft, stationId, transactionId, { ...end, ...idToken })
  } else {
    const isResend = session.end && !session.end.presumed
    if (!isResend && said.transactionData)
      takeReadings(draft, context, session, readingsOf(said.transactionData))
    endSession(draft, context, sessionById(draft, session.sessionId) ?? session, end)
  }
  return { reply: ofStopper(context, said.idTag), outcome: draft.outcome() }
}

/**
 * What the station may keep of the token that stopped (section 4.10): its group among it, by which another card of a family stops. Nothing
 * is asked for it, so of a token that is not known here nothing is said.
 */
function ofStopper({ state, at }: HandlerContext, idTag: string | undefined): StopTransactionResponse {
  const known = idTag === undefined ? undefined : authorizeLocally(state, idTokenOf(idTag), at.nowMs)
  return known ? { idTagInfo: idTagInfo(known, known.status) } : {}
}

/**
 * Ids are positive: a stop for 0 or -1 comes from a station that lost the answer to its start. The session is meant that
 * fits by token, time and register, if there is just one.
 */
function sessionWithoutId(
  state: StateReader,
  { stationId, maxPowerW }: HandlerContext,
  idTag: string | undefined,
  { atMs, registerMilliWh }: End,
): Session | undefined {
  if (registerMilliWh === undefined) return undefined
  const fitting = runningSessions(state, stationId).filter(({ idToken, startedAtMs, register }) => {
    const isToken = idTag === undefined || idToken?.value.toLowerCase() === idTag.toLowerCase()
    if (!isToken || startedAtMs > atMs || register === undefined) return false
    return checkStep(register, { atMs, milliWh: registerMilliWh }, maxPowerW, true).length === 0
  })
  return fitting.length === 1 ? fitting[0] : undefined
}
