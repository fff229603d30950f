/** Status of a certificate (M06), asked of the OCSP responder that the certificate names (RFC 6960). The station judges the signature. */
import {
  type CertificateReply,
  MAX_OCSP_RESULT_CHARS,
  MAX_REASON_CHARS,
  type StatusQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import { Integer, OctetString } from 'asn1js'
import { AlgorithmIdentifier, BasicOCSPResponse, CertID, OCSPRequest, OCSPResponse, Request } from 'pkijs'
import type { Clock } from '../../platform/clock.ts'
import { postOutside } from './outside-request.ts'

/** Answers that are kept while they are valid; the oldest go first. */
export const MAX_KEPT_STATUSES = 1_000
/** None is kept longer than this, whatever the responder says of it. */
export const MAX_KEPT_MS = 24 * 3_600_000
/** Clocks of responders may be ahead of ours. */
const CLOCK_OFF_MS = 5 * 60_000

const OIDS = {
  SHA256: '2.16.840.1.101.3.4.2.1',
  SHA384: '2.16.840.1.101.3.4.2.2',
  SHA512: '2.16.840.1.101.3.4.2.3',
}
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1'
const HEX = /^(?:[0-9a-f]{2})+$/i

export type AskForStatus = (question: StatusQuestion) => Promise<CertificateReply>

/** The function never rejects. */
export function createOcsp(clock: Pick<Clock, 'now'>, privateAddresses: boolean): AskForStatus {
  const kept = new Map<string, { ocspResult: string; untilMs: number }>()

  return async (question) => {
    // The responder is part of it: one that a station made up must not answer for another's.
    const { responderUrl: url, hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = question
    const key = JSON.stringify([
      url,
      hashAlgorithm,
      issuerNameHash,
      issuerKeyHash,
      serialNumber,
    ]).toLowerCase()
    const known = kept.get(key)
    if (known && known.untilMs > clock.now()) return { ocspResult: known.ocspResult }
    kept.delete(key)
    try {
      const id = certIdOf(question)
      const body = requestFor(id)
      const der = await postOutside({ url, contentType: 'application/ocsp-request', body, privateAddresses })
      const ocspResult = der.toString('base64')
      if (ocspResult.length > MAX_OCSP_RESULT_CHARS) throw new Error('its answer is longer than OCPP allows')
      const untilMs = Math.min(validUntil(der, id, clock.now()), clock.now() + MAX_KEPT_MS)
      kept.set(key, { ocspResult, untilMs })
      for (const oldest of kept.keys()) {
        if (kept.size <= MAX_KEPT_STATUSES) break
        kept.delete(oldest)
      }
      return { ocspResult }
    } catch (error) {
      const why = `the OCSP responder gave no status: ${(error as Error).message}`
      return { code: 'NoStatus', failed: why.slice(0, MAX_REASON_CHARS) }
    }
  }
}

function certIdOf({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: StatusQuestion): CertID {
  const hex = (name: string, text: string) => {
    if (!HEX.test(text)) throw new Error(`the ${name} of the question is not hexadecimal`)
    return Buffer.from(text, 'hex')
  }
  // Serial numbers come without leading zeros (2.x CertificateHashDataType); they are positive.
  const serial = hex('serial number', serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`)
  const positive = serial[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithmId: OIDS[hashAlgorithm] }),
    issuerNameHash: new OctetString({ valueHex: hex('issuer name hash', issuerNameHash) }),
    issuerKeyHash: new OctetString({ valueHex: hex('issuer key hash', issuerKeyHash) }),
    serialNumber: new Integer({ valueHex: positive }),
  })
}

function requestFor(id: CertID): Buffer {
  const request = new OCSPRequest()
  request.tbsRequest.requestList = [new Request({ reqCert: id })]
  return Buffer.from(request.toSchema(true).toBER(false))
}

/** Until when an answer may be given again, epoch ms; throws when it is none to the question, or not valid now. */
function validUntil(der: Buffer, id: CertID, nowMs: number): number {
  const response = readResponse(der)
  const code = response.responseStatus.valueBlock.valueDec
  if (code !== 0) throw new Error(`it refused, OCSPResponseStatus ${code}`)
  if (response.responseBytes?.responseType !== BASIC_RESPONSE) throw new Error('its answer is no basic one')
  const basic = BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView)
  const single = basic.tbsResponseData.responses.find((it) => it.certID.isEqual(id))
  if (!single) throw new Error('its answer is about another certificate')
  if (single.thisUpdate.getTime() > nowMs + CLOCK_OFF_MS) throw new Error('its answer is not valid yet')
  const untilMs = single.nextUpdate?.getTime()
  if (untilMs !== undefined && untilMs <= nowMs) throw new Error('its answer is out of date')
  // Without an end newer information is there at any time (RFC 6960, 4.2.2.1): given on, not kept.
  return untilMs ?? nowMs
}

function readResponse(der: Buffer): OCSPResponse {
  try {
    return OCSPResponse.fromBER(der)
  } catch {
    throw new Error('its answer is no OCSP response')
  }
}
