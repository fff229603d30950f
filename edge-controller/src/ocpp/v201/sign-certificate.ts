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
  if (certificateType !== 'ChargingStationCertificate')
    return refused('NoV2GCA', 'no V2G CA stands behind this site')
  if (!context.signsCertificates)
    return refused('NotSignedNow', 'no CA here, nothing proved by this connection, or one is being signed')
  return {
    reply: { status: 'Accepted' },
    outcome: NOTHING,
    after: { csr, about: { certificateType, ...(requestId === undefined ? {} : { requestId }) } },
  }
}

function refused(reasonCode: string, additionalInfo: string): Decision<SignCertificateResponse> {
  return { reply: { status: 'Rejected', statusInfo: { reasonCode, additionalInfo } }, outcome: NOTHING }
}
