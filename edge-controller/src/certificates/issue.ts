/**
 * A certificate of a station, be it for its connection or for cars, from its request to the station's word on it (A02, A03). The one before stays valid until it ends, so that a
 * station that cannot use the new one is not locked out.
 */
import type { SignQuestion } from '@switchyard/protocol/site/certificate-question.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Call } from '../ocpp/calls.ts'
import { statusOf } from '../ocpp/module.ts'
import type { Issued } from './site-ca.ts'

/** What a station asks to have signed. */
export interface CertificateWish {
  /** PEM. */
  csr: string
  /** As it goes back with the certificate: 2.x names its use, 2.1 also the request. */
  about: { certificateType?: CertificateType; requestId?: number }
  /** Signed already, by the V2G CA: PEM. */
  chain?: string
}

export type CertificateType = 'ChargingStationCertificate' | V2gCertificateType
export type V2gCertificateType = SignQuestion['certificateType']

export function isForCars(type: CertificateType): type is V2gCertificateType {
  return type !== 'ChargingStationCertificate'
}

export type Signed = (Issued & { commonName: string }) | { refused: string }
/** Who signs for stations, each request for one of `names`. Neither must reject. */
export interface CertificateSigner {
  sign(csr: string, names: readonly string[]): Promise<Signed>
  /** Why it would not be signed; undefined: it would. */
  faultOf(csr: string, names: readonly string[]): Promise<string | undefined>
}

/** Sends the station what was signed, and tells what came of it. `signer`: the CA of the site; absent: it has none. */
export async function issueCertificate(
  signer: CertificateSigner | undefined,
  call: Call,
  wish: CertificateWish,
  names: readonly string[],
): Promise<FactData<'station.certificate'>> {
  const { about } = wish
  const { certificateType = 'ChargingStationCertificate' } = about
  const kind = isForCars(certificateType) ? { certificateType } : {}
  const issued = await signed(signer, wish, names)
  if ('refused' in issued) return { outcome: 'refused', ...kind, reason: issued.refused.slice(0, 500) }
  const { chain, commonName, serialNumber, notAfter } = issued
  const answer = await call('CertificateSigned', { certificateChain: chain, ...about })
  const told = { ...kind, commonName, serialNumber, notAfter: notAfter.toISOString() }
  if (answer.status !== 'answered') {
    const reason = answer.status === 'failed' ? `${answer.code}: ${answer.description}` : answer.reason
    return { outcome: 'unanswered', reason: reason.slice(0, 500), ...told }
  }
  return { outcome: statusOf(answer.payload) === 'Accepted' ? 'accepted' : 'rejected', ...told }
}

async function signed(
  signer: CertificateSigner | undefined,
  { csr, chain }: CertificateWish,
  names: readonly string[],
): Promise<Signed> {
  if (chain !== undefined) return (await import('./signed-by-v2g-ca.ts')).checkSigned(csr, chain)
  return signer ? signer.sign(csr, names) : { refused: 'the site has no CA' }
}
