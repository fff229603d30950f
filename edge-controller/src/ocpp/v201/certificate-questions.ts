/**
 * What a station asks about certificates of ISO 15118 (use cases M01, M02 and M06; 2.1: M07). No service of a contract CA or of OCSP stands behind
 * the site: the answer is Failed, and says why, so that a station goes on with what it has (another identity, the status it knows).
 */
import type {
  Get15118EVCertificateResponse,
  GetCertificateStatusResponse,
} from '@switchyard/protocol/ocpp/v201.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision } from '../handler.ts'

/** Reason codes have 20 characters at most. */
const NO_SERVICE = { reasonCode: 'NotEnabled', additionalInfo: 'no certificate service is configured' }

export function get15118EVCertificate(): Decision<Get15118EVCertificateResponse> {
  return { reply: { status: 'Failed', statusInfo: NO_SERVICE, exiResponse: '' }, outcome: NOTHING }
}

export function getCertificateStatus(): Decision<GetCertificateStatusResponse> {
  return { reply: { status: 'Failed', statusInfo: NO_SERVICE }, outcome: NOTHING }
}
