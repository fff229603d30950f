/** VatNumberValidation (2.1, C25): no register of VAT numbers is asked here, so none is confirmed. */
import type {
  VatNumberValidationRequest,
  VatNumberValidationResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function vatNumberValidation(
  _context: HandlerContext,
  { vatNumber, evseId }: VatNumberValidationRequest,
): Decision<VatNumberValidationResponse> {
  return {
    reply: {
      vatNumber,
      ...(evseId === undefined ? {} : { evseId }),
      status: 'Rejected',
      statusInfo: { reasonCode: 'NotEnabled', additionalInfo: 'VAT numbers are not validated here' },
    },
    outcome: NOTHING,
  }
}
