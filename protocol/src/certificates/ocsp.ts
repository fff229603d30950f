/**
 * Status of a certificate by OCSP (RFC 6960): the question, the answer, and whether who signed it may speak for the issuer. Pure, but
 * for the arithmetic of WebCrypto. Whoever has no need of it does not load it: what reads ASN.1 is large.
 */
import { Integer, OctetString } from 'asn1js'
import {
  AlgorithmIdentifier,
  BasicOCSPResponse,
  CertID,
  Certificate,
  type ExtKeyUsage,
  OCSPRequest,
  OCSPResponse,
  Request,
} from 'pkijs'
import { bytes, type CertificateId, CLOCK_OFF_MS, isIssuer, isSignedBy } from './certificate-id.ts'

export interface OcspAnswer {
  status: 'Good' | 'Revoked' | 'Unknown'
  thisUpdateMs: number
  /** Absent: newer information is there at any time. */
  nextUpdateMs?: number
  basic: BasicOCSPResponse
}

const OIDS = {
  SHA256: '2.16.840.1.101.3.4.2.1',
  SHA384: '2.16.840.1.101.3.4.2.2',
  SHA512: '2.16.840.1.101.3.4.2.3',
}
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1'
const EXTENDED_KEY_USAGE = '2.5.29.37'
/** A responder that the issuer has appointed (RFC 6960, 4.2.2.2). */
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const HEX = /^(?:[0-9a-f]{2})+$/i

/** DER of the question. Throws when a hash is not hexadecimal. */
export function ocspRequest(id: CertificateId): Uint8Array {
  const request = new OCSPRequest()
  request.tbsRequest.requestList = [new Request({ reqCert: certIdOf(id) })]
  return new Uint8Array(request.toSchema(true).toBER(false))
}

/** Throws, in words for an operator, when it is no answer to the question, or not valid at `nowMs`. Who signed it is not looked at. */
export function readOcspAnswer(der: Uint8Array, id: CertificateId, nowMs: number): OcspAnswer {
  const response = readResponse(der)
  const code = response.responseStatus.valueBlock.valueDec
  if (code !== 0) throw new Error(`it refused, OCSPResponseStatus ${code}`)
  if (response.responseBytes?.responseType !== BASIC_RESPONSE) throw new Error('its answer is no basic one')
  const basic = BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView)
  const certId = certIdOf(id)
  const single = basic.tbsResponseData.responses.find((it) => it.certID.isEqual(certId))
  if (!single) throw new Error('its answer is about another certificate')
  const thisUpdateMs = single.thisUpdate.getTime()
  const nextUpdateMs = single.nextUpdate?.getTime()
  if (thisUpdateMs > nowMs + CLOCK_OFF_MS) throw new Error('its answer is not valid yet')
  if (nextUpdateMs !== undefined && nextUpdateMs <= nowMs) throw new Error('its answer is out of date')
  const tag = (single.certStatus as { idBlock?: { tagNumber?: number } }).idBlock?.tagNumber
  const status = tag === 0 ? 'Good' : tag === 1 ? 'Revoked' : 'Unknown'
  return { status, thisUpdateMs, ...(nextUpdateMs === undefined ? {} : { nextUpdateMs }), basic }
}

/**
 * Whether the answer is signed by the issuer of the certificate, or by whom it has appointed. The issuer is found by the hashes of the
 * question among `known` (DER) and what came with the answer; where it is in neither, nobody vouches for the answer.
 */
export async function isVouchedFor(
  { basic }: OcspAnswer,
  id: CertificateId,
  known: readonly Uint8Array[],
  nowMs: number,
): Promise<boolean> {
  try {
    const came = basic.certs ?? []
    for (const issuer of [...known.map((der) => Certificate.fromBER(bytes(der))), ...came]) {
      if (!(await isIssuer(issuer, id))) continue
      if (await hasSigned(issuer, basic)) return true
      for (const appointed of came)
        if (
          isAppointed(appointed, nowMs) &&
          (await appointed.verify(issuer)) &&
          (await hasSigned(appointed, basic))
        )
          return true
    }
    return false
  } catch {
    return false
  }
}

function hasSigned(signer: Certificate, basic: BasicOCSPResponse): Promise<boolean> {
  const { tbsResponseData, signature, signatureAlgorithm } = basic
  return isSignedBy(signer, { tbsView: tbsResponseData.tbsView, signature, signatureAlgorithm })
}

function isAppointed({ extensions, notBefore, notAfter }: Certificate, nowMs: number): boolean {
  const usage = extensions?.find((it) => it.extnID === EXTENDED_KEY_USAGE)?.parsedValue as
    | ExtKeyUsage
    | undefined
  const isValid = notBefore.value.getTime() <= nowMs && nowMs < notAfter.value.getTime()
  return isValid && usage?.keyPurposes.includes(OCSP_SIGNING) === true
}

function certIdOf({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: CertificateId): CertID {
  // Serial numbers come without leading zeros (2.x CertificateHashDataType); they are positive.
  const serial = unhex('serial number', serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`)
  const positive = serial[0]! >= 0x80 ? Uint8Array.of(0, ...serial) : serial
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithmId: OIDS[hashAlgorithm] }),
    issuerNameHash: new OctetString({ valueHex: unhex('issuer name hash', issuerNameHash) }),
    issuerKeyHash: new OctetString({ valueHex: unhex('issuer key hash', issuerKeyHash) }),
    serialNumber: new Integer({ valueHex: positive }),
  })
}

function readResponse(der: Uint8Array): OCSPResponse {
  try {
    return OCSPResponse.fromBER(bytes(der))
  } catch {
    throw new Error('its answer is no OCSP response')
  }
}

function unhex(name: string, text: string): Uint8Array<ArrayBuffer> {
  if (!HEX.test(text)) throw new Error(`the ${name} of the question is not hexadecimal`)
  return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16))
}
