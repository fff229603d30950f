/**
 * What a contract certificate is worth (2.0.1 use case C07): its chain to the roots of the site, where the certificate itself was sent;
 * and whether it or a CA on the way was revoked, also where the station has judged the chain and sends hashes alone. All is decided at
 * the site; the cloud brings the words of OCSP responders, which the site holds.
 */
import type { CertificateId } from '@switchyard/protocol/certificates/certificate-id.ts'
import type { RevocationSource, Revocations } from '../certificates/revocation.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import type { TokenStatus } from './authorize.ts'
import { type ChainLink, type ContractStatus, certificates, judgeContract } from './contract-certificate.ts'

/** What a station says of the contract that an EV has shown. */
export interface ShownContract {
  emaid: string
  /** PEM, the contract's certificate first; absent: the station has judged the chain. */
  certificate?: string
  /** Of the chain, as far as OCSP can be asked. */
  hashes: readonly RevocationSource[]
}

/** What a station is answered of a token for which a contract was shown. */
export interface ContractAnswer {
  status: TokenStatus
  certificateStatus: ContractStatus | 'ContractCancelled'
}

/** The pairs of C07.FR.13 to .17: a certificate that is in order leaves the word to the token, one that is not has it. */
export function contractAnswer(token: TokenStatus, contract: ContractStatus): ContractAnswer {
  switch (contract) {
    case 'Accepted':
      return { status: token, certificateStatus: token === 'Accepted' ? 'Accepted' : 'ContractCancelled' }
    case 'CertificateExpired':
      return { status: 'Expired', certificateStatus: contract }
    case 'CertificateRevoked':
    case 'CertChainError':
      return { status: 'Invalid', certificateStatus: contract }
    // Nothing is known against it: a site that is told no roots has Plug & Charge by the tokens alone.
    case 'NoCertificateAvailable':
      return { status: token, certificateStatus: contract }
  }
}

export interface PlugAndChargePorts {
  state: StateReader
  clock: Clock
  revocations: Revocations
}

/** Never rejects; takes as long as the cloud may be asked about certificates (CERTIFICATE_TIMEOUT_MS). */
export async function judgeShown(
  stationId: string,
  shown: ShownContract,
  { state, clock, revocations }: PlugAndChargePorts,
): Promise<ContractStatus> {
  const policy = appliedDocument(state, 'site')?.authorization
  const roots = policy?.contractRoots ?? []
  const { certificate, hashes, emaid } = shown
  let questions: Asked[]
  if (certificate === undefined) {
    const known = statusIssuers(state)
    questions = hashes.map((about) => ({ about, issuers: known }))
  } else {
    const { status, links } = judgeContract(certificate, roots, emaid, clock.now())
    if (status !== 'Accepted') return status
    questions = await questionsOf(links, hashes)
  }
  if (questions.length === 0 && certificate === undefined) return 'NoCertificateAvailable'
  const found = await Promise.all(
    questions.map(({ about, issuers }) => revocations.statusOf(stationId, about, issuers)),
  )
  if (found.some((it) => it?.status === 'Revoked')) return 'CertificateRevoked'
  const isKnown = found.every((it) => it?.status === 'Good') || policy?.contractWithoutStatus === 'accept'
  // C07.FR.05: validity is verified with data of OCSP, fresh or held; what cannot be verified is not taken (C07.FR.17).
  return isKnown ? 'Accepted' : 'CertChainError'
}

/** DER of those whose word on what they have revoked is taken, by what the site was told. */
export function statusIssuers(state: StateReader): Uint8Array[] {
  const { contractRoots = [], statusIssuers = [] } = appliedDocument(state, 'site')?.authorization ?? {}
  return (certificates([...contractRoots, ...statusIssuers]) ?? []).map((it) => it.raw)
}

interface Asked {
  about: RevocationSource
  issuers: readonly Uint8Array[]
}

/** A certificate that names no responder, and of which the station names none, has a CA that offers no OCSP: it is not asked about. */
async function questionsOf(
  links: readonly ChainLink[],
  hashes: readonly RevocationSource[],
): Promise<Asked[]> {
  const asked: Asked[] = []
  for (const { certificate, issuer } of links) {
    const serialNumber = certificate.serialNumber.replace(/^0+(?=.)/, '').toLowerCase()
    const told = hashes.find((it) => it.serialNumber.replace(/^0+(?=.)/, '').toLowerCase() === serialNumber)
    const url = certificate.toLegacyObject().infoAccess?.['OCSP - URI']?.[0] ?? told?.url
    if (url === undefined) continue
    const id = await idOf(certificate.raw, issuer.raw)
    asked.push({ about: { ...id, source: 'OCSP', url }, issuers: [issuer.raw] })
  }
  return asked
}

/** What reads ASN.1 is loaded with the first contract. */
async function idOf(certificate: Uint8Array, issuer: Uint8Array): Promise<CertificateId> {
  const { certificateId } = await import('@switchyard/protocol/certificates/certificate-id.ts')
  return certificateId(certificate, issuer)
}
