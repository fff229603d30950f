/** DataTransfer (1.6 section 4.3): no vendor extension is known here yet; what was said is kept. */
import type { DataTransferRequest, DataTransferResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function dataTransfer(
  context: HandlerContext,
  said: DataTransferRequest,
): Decision<DataTransferResponse> {
  const status = 'UnknownVendorId'
  const draft = new Draft(context.state)
  draft.fact({ kind: 'station.data-transfer', stationId: context.stationId, data: { ...said, status } })
  return { reply: { status }, outcome: draft.outcome() }
}
