/**
 * How a certificate is named towards those who know whether it was revoked, and whose signature counts. Pure, but for the arithmetic of
 * WebCrypto.
 */
import type { BitString } from 'asn1js'
import { type AlgorithmIdentifier, Certificate, getCrypto } from 'pkijs'

/** As OCPP names a certificate (2.x CertificateHashDataType): hashes of its issuer, and its number. Hex. */
export interface CertificateId {
  hashAlgorithm: 'SHA256' | 'SHA384' | 'SHA512'
  issuerNameHash: string
  issuerKeyHash: string
  serialNumber: string
}

/** Clocks of responders may be ahead of ours. */
export const CLOCK_OFF_MS = 5 * 60_000
const WEB_NAMES = { SHA256: 'SHA-256', SHA384: 'SHA-384', SHA512: 'SHA-512' }

/** How a certificate is asked about; both are DER. Throws where one cannot be read. */
export async function certificateId(certificate: Uint8Array, issuer: Uint8Array): Promise<CertificateId> {
  const asked = Certificate.fromBER(bytes(certificate))
  const by = Certificate.fromBER(bytes(issuer))
  return {
    ...(await issuerHashes(by, 'SHA256')),
    serialNumber: hexOf(asked.serialNumber.valueBlock.valueHexView).replace(/^(00)+(?=.)/, ''),
  }
}

/**
 * Whether a station that names a certificate so means this one (DER), which is a root, or one whose issuer is not at hand: then the key of
 * that cannot be compared. Throws where it cannot be read.
 */
export async function isNamedBy(id: CertificateId, certificate: Uint8Array): Promise<boolean> {
  const { serialNumber, issuer, subject, subjectPublicKeyInfo } = Certificate.fromBER(bytes(certificate))
  const same = (hex: string, other: string) => withoutZeros(hex) === withoutZeros(other)
  if (!same(hexOf(serialNumber.valueBlock.valueHexView), id.serialNumber)) return false
  const hash = hashBy(id.hashAlgorithm)
  if ((await hash(issuer.toSchema().toBER(false))) !== id.issuerNameHash.toLowerCase()) return false
  if (!issuer.isEqual(subject)) return true
  // "The issuer's public key" of 2.0.1 Edition 1 was read as either; later editions say that it is the bare key.
  const readings = [
    bytes(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView),
    subjectPublicKeyInfo.toSchema().toBER(false),
  ]
  return (await Promise.all(readings.map(hash))).includes(id.issuerKeyHash.toLowerCase())
}

/** Stations write numbers with and without zeros before them (2.0.1 Edition 2: without). */
function withoutZeros(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '')
}

/** Whether a certificate (DER) is the issuer's of what is asked about. */
export async function isIssuerOf(issuer: Uint8Array, id: CertificateId): Promise<boolean> {
  return isIssuer(Certificate.fromBER(bytes(issuer)), id)
}

export async function isIssuer(issuer: Certificate, id: CertificateId): Promise<boolean> {
  const { issuerNameHash, issuerKeyHash } = await issuerHashes(issuer, id.hashAlgorithm)
  return (
    issuerNameHash === id.issuerNameHash.toLowerCase() && issuerKeyHash === id.issuerKeyHash.toLowerCase()
  )
}

async function issuerHashes(
  { subject, subjectPublicKeyInfo }: Certificate,
  hashAlgorithm: CertificateId['hashAlgorithm'],
) {
  const hash = hashBy(hashAlgorithm)
  return {
    hashAlgorithm,
    issuerNameHash: await hash(subject.toSchema().toBER(false)),
    issuerKeyHash: await hash(bytes(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView)),
  }
}

function hashBy(hashAlgorithm: CertificateId['hashAlgorithm']) {
  return async (data: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> =>
    hexOf(new Uint8Array(await crypto.subtle.digest(WEB_NAMES[hashAlgorithm], data)))
}

/** False also where the signature is of a kind that is not known here. */
export function isSignedBy(
  signer: Certificate,
  signed: { tbsView: Uint8Array; signature: BitString; signatureAlgorithm: AlgorithmIdentifier },
): Promise<boolean> {
  const { tbsView, signature, signatureAlgorithm } = signed
  return getCrypto(true)
    .verifyWithPublicKey(bytes(tbsView), signature, signer.subjectPublicKeyInfo, signatureAlgorithm)
    .catch(() => false)
}

export function hexOf(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A copy of its own: what is handed on may be a view into a larger buffer. */
export function bytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(data)
}
