/**
 * What a station asks about certificates of ISO 15118 (use cases M01, M02 and M06). The cloud finds it out (`question`), before the
 * message is decided on. Where it cannot, the answer is Failed and says why, so that a station goes on with what it has.
 */

import type { CertificateId } from '@switchyard/protocol/certificates/certificate-id.ts'
import type {
  Get15118EVCertificateRequest,
  Get15118EVCertificateResponse,
  GetCertificateStatusRequest,
  GetCertificateStatusResponse,
} from '@switchyard/protocol/ocpp/v201.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import {
  CERTIFICATE_TIMEOUT_MS,
  type CertificateReply,
  type ContractQuestion,
  MAX_EXI_RESPONSE_CHARS,
  MAX_OCSP_RESULT_CHARS,
  MAX_REASON_CHARS,
  type StatusQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

/** Longest `exiResponse` and `ocspResult` of 2.0.1; 2.1 has room for what the question's channel lets through. */
const MAX_EXI_RESPONSE_CHARS_201 = 5_600
const MAX_OCSP_RESULT_CHARS_201 = 5_500

/** 2.1 adds how many chains the car has room for, and which contracts it wants first. */
type ContractRequest = Get15118EVCertificateRequest & {
  maximumContractCertificateChains?: number
  prioritizedEMAIDs?: string[]
}
type ContractResponse = Get15118EVCertificateResponse & { remainingContracts?: number }

export function contractQuestion(said: ContractRequest): ContractQuestion {
  const { iso15118SchemaVersion, action, exiRequest } = said
  const { maximumContractCertificateChains, prioritizedEMAIDs } = said
  return {
    kind: 'contract',
    iso15118SchemaVersion,
    action,
    exiRequest,
    ...(maximumContractCertificateChains === undefined ? {} : { maximumContractCertificateChains }),
    ...(prioritizedEMAIDs === undefined ? {} : { prioritizedEMAIDs }),
  }
}

export function statusQuestion({ ocspRequestData }: GetCertificateStatusRequest): StatusQuestion {
  return { kind: 'status', ...certificateIdOf(ocspRequestData), responderUrl: ocspRequestData.responderURL }
}

/** Without what else a station may say of it. */
export function certificateIdOf(said: CertificateId): CertificateId {
  const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = said
  return { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }
}

export function get15118EVCertificate({ version, certificates }: HandlerContext): Decision<ContractResponse> {
  const longest = version === '2.0.1' ? MAX_EXI_RESPONSE_CHARS_201 : MAX_EXI_RESPONSE_CHARS
  if (certificates && 'exiResponse' in certificates && certificates.exiResponse.length <= longest) {
    const { exiResponse, remainingContracts } = certificates
    const remaining = version === '2.0.1' || remainingContracts === undefined ? {} : { remainingContracts }
    return { reply: { status: 'Accepted', exiResponse, ...remaining }, outcome: NOTHING }
  }
  const said = certificates && 'failed' in certificates ? (certificates.failedExiResponse ?? '') : ''
  const exiResponse = said.length <= longest ? said : ''
  return {
    reply: { status: 'Failed', statusInfo: whyNot(certificates, version), exiResponse },
    outcome: NOTHING,
  }
}

export function getCertificateStatus({
  version,
  certificates,
}: HandlerContext): Decision<GetCertificateStatusResponse> {
  const longest = version === '2.0.1' ? MAX_OCSP_RESULT_CHARS_201 : MAX_OCSP_RESULT_CHARS
  if (certificates && 'ocspResult' in certificates && certificates.ocspResult.length <= longest)
    return { reply: { status: 'Accepted', ocspResult: certificates.ocspResult }, outcome: NOTHING }
  return { reply: { status: 'Failed', statusInfo: whyNot(certificates, version) }, outcome: NOTHING }
}

/** Reason codes have 20 characters at most. */
export function whyNot(answer: CertificateReply | undefined, version: OcppVersion) {
  if (!answer)
    return {
      reasonCode: 'NoAnswer',
      additionalInfo: `the cloud could not be asked, or did not answer within ${CERTIFICATE_TIMEOUT_MS} ms`,
    }
  if ('failed' in answer)
    return { reasonCode: answer.code, additionalInfo: answer.failed.slice(0, MAX_REASON_CHARS) }
  return { reasonCode: 'TooLong', additionalInfo: `the answer is longer than OCPP ${version} allows` }
}
