/**
 * SignCertificate (A02, A03): what the station connects with is signed by the CA of the site, what it shows to cars by the V2G CA of the
 * operator, which the cloud asks before the message is decided on.
 */

import type { SignCertificateRequest } from '@switchyard/protocol/ocpp/v21.ts'
import type { SignCertificateResponse } from '@switchyard/protocol/ocpp/v201.ts'
import type { CertificateReply, SignQuestion } from '@switchyard/protocol/site/certificate-question.ts'
import { type CertificateType, isForCars } from '../../certificates/issue.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { whyNot } from './certificate-questions.ts'

/** Of `additionalInfo`. */
const MAX_INFO_CHARS = 512

/** What the V2G CA is asked; undefined: it is not its business, or nothing is signed now. */
export function signQuestion(
  { csr, certificateType = 'ChargingStationCertificate', hashRootCertificate }: SignCertificateRequest,
  { mayAskForCertificate }: HandlerContext,
): SignQuestion | undefined {
  if (!isForCars(certificateType) || !mayAskForCertificate) return undefined
  return {
    kind: 'sign',
    certificateType,
    csr,
    ...(hashRootCertificate === undefined ? {} : { hashRootCertificate }),
  }
}

export function signCertificate(
  context: HandlerContext,
  // 2.1 counts its requests, and knows a certificate for ISO 15118-20.
  { csr, certificateType = 'ChargingStationCertificate', requestId }: SignCertificateRequest,
): Decision<SignCertificateResponse> {
  const about = { certificateType, ...(requestId === undefined ? {} : { requestId }) }
  if (isForCars(certificateType)) return forCars(context, csr, about)
  if (!context.signsCertificates)
    return refused('NotSignedNow', 'no CA here, nothing proved by this connection, or one is being signed')
  const after = { csr, about }
  if (context.requestFault === undefined) return { reply: { status: 'Accepted' }, outcome: NOTHING, after }
  // The same happens afterwards, where it is told what came of it: nothing is sent.
  return { ...refused('InvalidCSR', context.requestFault.slice(0, MAX_INFO_CHARS)), after }
}

/** The request for a certificate of the station's own, which the CA of the site is to sign. */
export function ownRequest({ csr, certificateType = 'ChargingStationCertificate' }: SignCertificateRequest) {
  return isForCars(certificateType) ? undefined : csr
}

function forCars(
  { certificates, version, mayAskForCertificate }: HandlerContext,
  csr: string,
  about: { certificateType: CertificateType; requestId?: number },
): Decision<SignCertificateResponse> {
  if (!mayAskForCertificate)
    return refused('NotSignedNow', 'nothing proved by this connection, or one is being signed')
  if (!isSigned(certificates)) {
    const { reasonCode, additionalInfo } = whyNot(certificates, version)
    return refused(reasonCode, additionalInfo)
  }
  const { certificateChain: chain } = certificates
  return { reply: { status: 'Accepted' }, outcome: NOTHING, after: { csr, about, chain } }
}

function isSigned(reply: CertificateReply | undefined): reply is { certificateChain: string } {
  return reply !== undefined && 'certificateChain' in reply
}

function refused(reasonCode: string, additionalInfo: string): Decision<SignCertificateResponse> {
  return { reply: { status: 'Rejected', statusInfo: { reasonCode, additionalInfo } }, outcome: NOTHING }
}
