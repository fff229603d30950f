/** TransactionEvent of 2.1: as in 2.0.1; what the station itself has computed as the cost (use case I07 and others) is kept beside it. */
import type { Json } from '@switchyard/protocol/json.ts'
import type { TransactionEventRequest, TransactionEventResponse } from '@switchyard/protocol/ocpp/v21.ts'
import type { TransactionEventRequest as Request201 } from '@switchyard/protocol/ocpp/v201.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { transactionEvent as transactionEvent201 } from '../v201/transaction-event.ts'

export function transactionEvent(
  context: HandlerContext,
  said: TransactionEventRequest,
): Decision<TransactionEventResponse> {
  // More words in the same fields, all kept as text: states of charging, reasons, types of tokens.
  const decision = transactionEvent201(context, said as unknown as Request201)
  const { costDetails, eventType, timestamp, transactionInfo } = said
  // An event that is sent again says nothing new.
  if (costDetails === undefined || decision.outcome.facts.length === 0) return decision
  const { transactionId } = transactionInfo
  const event = { action: 'TransactionEvent', transactionId, eventType, timestamp, costDetails }
  const { stationId } = context
  const fact = { kind: 'station.event' as const, stationId, data: { events: [event as unknown as Json] } }
  return { ...decision, outcome: { ...decision.outcome, facts: [...decision.outcome.facts, fact] } }
}
