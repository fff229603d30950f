/** Lists of revoked certificates (RFC 5280, section 5): what one says of a certificate, where the issuer of that has signed it. Pure. */
import { Certificate, CertificateRevocationList, type IssuingDistributionPoint } from 'pkijs'
import { bytes, type CertificateId, CLOCK_OFF_MS, hexOf, isIssuer, isSignedBy } from './certificate-id.ts'

export interface ListAnswer {
  status: 'Good' | 'Revoked'
  nextUpdateMs?: number
}

const DELTA = '2.5.29.27'
const ISSUING_DISTRIBUTION_POINT = '2.5.29.28'

/**
 * Throws, in words for an operator, when the list is none, is not valid at `nowMs`, holds only a part of what its issuer has revoked, or
 * is not signed by the issuer of the certificate, which must be among `known` (DER).
 */
export async function readRevocationList(
  der: Uint8Array,
  id: CertificateId,
  known: readonly Uint8Array[],
  nowMs: number,
): Promise<ListAnswer> {
  const list = readList(der)
  const issuer = await issuerAmong(known, id)
  if (!issuer) throw new Error('the issuer of the certificate is not known here')
  const { tbsView, signatureValue: signature, signatureAlgorithm } = list
  if (
    !list.issuer.isEqual(issuer.subject) ||
    !(await isSignedBy(issuer, { tbsView, signature, signatureAlgorithm }))
  )
    throw new Error('the list is not signed by the issuer of the certificate')
  if (isPart(list)) throw new Error('the list holds only a part of what its issuer has revoked')
  if (list.thisUpdate.value.getTime() > nowMs + CLOCK_OFF_MS) throw new Error('the list is not valid yet')
  const nextUpdateMs = list.nextUpdate?.value.getTime()
  if (nextUpdateMs !== undefined && nextUpdateMs <= nowMs) throw new Error('the list is out of date')
  const wanted = plain(id.serialNumber)
  const revoked = list.revokedCertificates?.some(
    ({ userCertificate }) => plain(hexOf(userCertificate.valueBlock.valueHexView)) === wanted,
  )
  return { status: revoked ? 'Revoked' : 'Good', ...(nextUpdateMs === undefined ? {} : { nextUpdateMs }) }
}

function readList(der: Uint8Array): CertificateRevocationList {
  try {
    return CertificateRevocationList.fromBER(bytes(der))
  } catch {
    throw new Error('it is no list of revoked certificates (DER)')
  }
}

async function issuerAmong(
  known: readonly Uint8Array[],
  id: CertificateId,
): Promise<Certificate | undefined> {
  for (const der of known) {
    const certificate = Certificate.fromBER(bytes(der))
    if (await isIssuer(certificate, id)) return certificate
  }
  return undefined
}

function isPart({ crlExtensions }: CertificateRevocationList): boolean {
  const extensions = crlExtensions?.extensions ?? []
  const point = extensions.find((it) => it.extnID === ISSUING_DISTRIBUTION_POINT)?.parsedValue as
    | IssuingDistributionPoint
    | undefined
  const isLimited =
    point?.onlyContainsUserCerts ||
    point?.onlyContainsCACerts ||
    point?.onlyContainsAttributeCerts ||
    point?.onlySomeReasons !== undefined
  return isLimited === true || extensions.some((it) => it.extnID === DELTA)
}

function plain(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '')
}
