/** DataTransfer (1.6 section 4.3): of the one extension that is spoken here, nothing is said by stations; what was said is kept. */
import type { DataTransferRequest, DataTransferResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { COST_VENDOR_ID } from './cost.ts'

export function dataTransfer(
  context: HandlerContext,
  said: DataTransferRequest,
): Decision<DataTransferResponse> {
  // Identifiers of 1.6 are the same in capitals.
  const isSpoken = said.vendorId.toLowerCase() === COST_VENDOR_ID
  const status = isSpoken ? 'UnknownMessageId' : 'UnknownVendorId'
  const draft = new Draft(context.state)
  draft.fact({ kind: 'station.data-transfer', stationId: context.stationId, data: { ...said, status } })
  return { reply: { status }, outcome: draft.outcome() }
}
