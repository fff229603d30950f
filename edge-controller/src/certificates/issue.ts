/**
 * A station's certificate, from its request to the station's word on it (A02, A03). The one before stays valid until it ends, so that a
 * station that cannot use the new one is not locked out.
 */
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Call } from '../ocpp/calls.ts'
import { statusOf } from '../ocpp/module.ts'
import type { Issued } from './site-ca.ts'

/** What a station asks to have signed. */
export interface CertificateWish {
  /** PEM. */
  csr: string
  /** As it goes back with the certificate: 2.x names its use, 2.1 also the request. */
  about: { certificateType?: 'ChargingStationCertificate'; requestId?: number }
}

/** Signs a request for one of `names`, or says why not. Must not reject. */
export type SignCertificate = (
  csr: string,
  names: readonly string[],
) => Promise<(Issued & { commonName: string }) | { refused: string }>

export async function issueCertificate(
  sign: SignCertificate,
  call: Call,
  { csr, about }: CertificateWish,
  names: readonly string[],
): Promise<FactData<'station.certificate'>> {
  const signed = await sign(csr, names)
  if ('refused' in signed) return { outcome: 'refused', reason: signed.refused.slice(0, 500) }
  const { chain, commonName, serialNumber, notAfter } = signed
  const answer = await call('CertificateSigned', { certificateChain: chain, ...about })
  const told = { commonName, serialNumber, notAfter: notAfter.toISOString() }
  if (answer.status !== 'answered') {
    const reason = answer.status === 'failed' ? `${answer.code}: ${answer.description}` : answer.reason
    return { outcome: 'unanswered', reason: reason.slice(0, 500), ...told }
  }
  return { outcome: statusOf(answer.payload) === 'Accepted' ? 'accepted' : 'rejected', ...told }
}
