/** SignCertificate (A02, A03): the station's own certificate; those for ISO 15118 are another CA's. */
import type { SignCertificateRequest, SignCertificateResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function signCertificate(
  context: HandlerContext,
  // 2.1 counts its requests.
  {
    csr,
    certificateType = 'ChargingStationCertificate',
    requestId,
  }: SignCertificateRequest & { requestId?: number },
): Decision<SignCertificateResponse> {
  if (!context.signsCertificates || certificateType !== 'ChargingStationCertificate')
    return { reply: { status: 'Rejected' }, outcome: NOTHING }
  return {
    reply: { status: 'Accepted' },
    outcome: NOTHING,
    after: { csr, about: { certificateType, ...(requestId === undefined ? {} : { requestId }) } },
  }
}
