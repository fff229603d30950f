/** NotifySettlement (2.1, block C): what came of a payment at the station's own terminal. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import { decimalText } from '@switchyard/protocol/money.ts'
import type { NotifySettlementRequest, NotifySettlementResponse } from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import { sessionOfTransaction } from '../../session/session.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function settlement(
  { state, stationId, at }: HandlerContext,
  said: NotifySettlementRequest,
): Decision<NotifySettlementResponse> {
  const { pspRef, status, statusInfo, settlementAmount, settlementTime, transactionId } = said
  const { receiptId, receiptUrl, vatNumber, vatCompany } = said
  const draft = new Draft(state)
  const session =
    transactionId === undefined ? undefined : sessionOfTransaction(draft, stationId, transactionId)
  draft.fact({
    kind: 'station.payment-settled',
    stationId,
    ...(session ? { sessionId: session.sessionId } : {}),
    data: {
      pspRef,
      status,
      ...(statusInfo === undefined ? {} : { reason: statusInfo }),
      amount: decimalText(settlementAmount),
      at: instant(parseInstant(settlementTime) ?? at.nowMs),
      ...(transactionId === undefined ? {} : { transactionId }),
      ...(receiptId === undefined ? {} : { receiptId }),
      ...(receiptUrl === undefined ? {} : { receiptUrl }),
      ...(vatNumber === undefined ? {} : { vatNumber }),
      ...(vatCompany === undefined ? {} : { vatCompany: companyOf(vatCompany) }),
    },
  })
  // The receipt is the station's own: the site has none to name.
  return { reply: {}, outcome: draft.outcome() }
}

type Company = NonNullable<NotifySettlementRequest['vatCompany']>

function companyOf({ name, address1, address2, city, postalCode, country }: Company) {
  return {
    name,
    address1,
    ...(address2 === undefined ? {} : { address2 }),
    city,
    ...(postalCode === undefined ? {} : { postalCode }),
    country,
  }
}
