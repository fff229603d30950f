/**
 * NotifyCustomerInformation (2.0.1 use cases N09 and N10): what the station knows of a customer goes to whoever asked, in the
 * outcome of the command; it is not kept as an event besides, since the question may be asked to have it forgotten.
 */
import type { NotifyCustomerInformationResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision } from '../handler.ts'

export function customerInformation(): Decision<NotifyCustomerInformationResponse> {
  return { reply: {}, outcome: NOTHING }
}
