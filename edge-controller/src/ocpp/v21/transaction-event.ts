/**
 * TransactionEvent of 2.1: as in 2.0.1; what the station itself has computed as the cost (use case I07 and others) is kept beside it, and
 * stands alone on its display: it is told no other.
 */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import { decimalText } from '@switchyard/protocol/money.ts'
import type { TransactionEventRequest, TransactionEventResponse } from '@switchyard/protocol/ocpp/v21.ts'
import type { TransactionEventRequest as Request201 } from '@switchyard/protocol/ocpp/v201.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { computesItself, withComputedCost } from '../../session/cost.ts'
import { sessionOfTransaction, TRANSACTION_KIND, transactionKey } from '../../session/session.ts'
import type { Outcome } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { transactionEvent as transactionEvent201 } from '../v201/transaction-event.ts'

export function transactionEvent(
  context: HandlerContext,
  said: TransactionEventRequest,
): Decision<TransactionEventResponse> {
  // More words in the same fields, all kept as text: states of charging, reasons, types of tokens.
  const decision = transactionEvent201(context, said as unknown as Request201)
  const { outcome } = decision
  const { totalCost, ...reply } = decision.reply
  if (said.costDetails === undefined) {
    const { transactionId } = said.transactionInfo
    const session =
      totalCost === undefined
        ? undefined
        : sessionOfTransaction(context.state, context.stationId, transactionId)
    return session && computesItself(context.state, session.sessionId) ? { ...decision, reply } : decision
  }
  // An event that is sent again says nothing new.
  if (outcome.facts.length === 0 && outcome.puts.length === 0) return { ...decision, reply }
  const fact = stationCost(context, said, said.costDetails, outcome)
  const told = { ...outcome, facts: [...outcome.facts, fact] }
  const { sessionId } = fact
  const isOfSession = sessionId !== undefined
  return {
    ...decision,
    reply,
    outcome: isOfSession ? withComputedCost(context.state, told, sessionId) : told,
  }
}

function stationCost(
  { state, stationId, at }: HandlerContext,
  { eventType, timestamp, transactionInfo: { transactionId } }: TransactionEventRequest,
  details: NonNullable<TransactionEventRequest['costDetails']>,
  { puts }: Outcome,
): FactDraft {
  const key = transactionKey(stationId, transactionId)
  const begun = puts.find(({ kind, id }) => kind === TRANSACTION_KIND && id === key)?.value as
    | string
    | undefined
  const sessionId = begun ?? sessionOfTransaction(state, stationId, transactionId)?.sessionId
  const { currency, total } = details.totalCost
  return {
    kind: 'session.station-cost',
    stationId,
    ...(sessionId === undefined ? {} : { sessionId }),
    data: {
      at: instant(parseInstant(timestamp) ?? at.nowMs),
      final: eventType === 'Ended',
      currency,
      ...(total.exclTax === undefined ? {} : { exclTax: decimalText(total.exclTax) }),
      ...(total.inclTax === undefined ? {} : { inclTax: decimalText(total.inclTax) }),
      details: details as unknown as Json,
    },
  }
}
