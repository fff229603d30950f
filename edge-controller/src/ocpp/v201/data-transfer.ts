/** DataTransfer (2.0.1 use case P02): no vendor extension is known here yet; what was said is kept. */
import type { Json } from '@switchyard/protocol/json.ts'
import type { DataTransferRequest, DataTransferResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function dataTransfer(
  context: HandlerContext,
  { vendorId, messageId, data }: DataTransferRequest,
): Decision<DataTransferResponse> {
  const status = 'UnknownVendorId'
  const draft = new Draft(context.state)
  draft.fact({
    kind: 'station.data-transfer',
    stationId: context.stationId,
    data: {
      vendorId,
      ...(messageId === undefined ? {} : { messageId }),
      ...(data === undefined ? {} : { data: data as Json }),
      status,
    },
  })
  return { reply: { status }, outcome: draft.outcome() }
}
