/** StopTransaction (1.6 section 4.10): never refused, or the station would repeat it for ever. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { StopTransactionRequest, StopTransactionResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import { endSession, keepUnmatched } from '../../session/end.ts'
import { takeReadings } from '../../session/meter.ts'
import { sessionOfTransaction } from '../../session/session.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTokenOf } from './authorize.ts'
import { readingsOf } from './readings.ts'

export function stopTransaction(
  context: HandlerContext,
  said: StopTransactionRequest,
): Decision<StopTransactionResponse> {
  const { stationId } = context
  const draft = new Draft(context.state)
  const transactionId = String(said.transactionId)
  const end = {
    atMs: parseInstant(said.timestamp) ?? context.at.nowMs,
    registerMilliWh: said.meterStop * 1000,
    // A stop without a reason means Local (section 7.36).
    reason: said.reason ?? 'Local',
  }
  const session = sessionOfTransaction(draft, stationId, transactionId)
  if (!session) {
    const idToken = said.idTag === undefined ? {} : { idToken: idTokenOf(said.idTag) }
    keepUnmatched(draft, stationId, transactionId, { ...end, ...idToken })
  } else {
    const isResend = session.end && !session.end.presumed
    const read =
      isResend || !said.transactionData
        ? session
        : takeReadings(draft, context, session, readingsOf(said.transactionData))
    endSession(draft, context, read, end)
  }
  const reply = said.idTag === undefined ? {} : { idTagInfo: { status: 'Accepted' as const } }
  return { reply, outcome: draft.outcome() }
}
