/** Status of a certificate (M06), asked of the OCSP responder that the certificate names (RFC 6960). The station judges the signature. */
import { ocspRequest, readOcspAnswer } from '@switchyard/protocol/certificates/ocsp.ts'
import {
  type CertificateReply,
  MAX_OCSP_RESULT_CHARS,
  MAX_REASON_CHARS,
  type StatusQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import type { Clock } from '../../platform/clock.ts'
import { askOutside } from './outside-request.ts'

/** Answers that are kept while they are valid; the oldest go first. */
export const MAX_KEPT_STATUSES = 1_000
/** None is kept longer than this, whatever the responder says of it. */
export const MAX_KEPT_MS = 24 * 3_600_000
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
      const body = Buffer.from(ocspRequest(question))
      const der = await askOutside({ url, contentType: 'application/ocsp-request', body, privateAddresses })
      const ocspResult = der.toString('base64')
      if (ocspResult.length > MAX_OCSP_RESULT_CHARS) throw new Error('its answer is longer than OCPP allows')
      const untilMs = Math.min(validUntil(der, question, clock.now()), clock.now() + MAX_KEPT_MS)
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

/** Until when an answer may be given again, epoch ms; throws when it is none to the question, or not valid now. */
function validUntil(der: Buffer, question: StatusQuestion, nowMs: number): number {
  // Without an end newer information is there at any time (RFC 6960, 4.2.2.1): given on, not kept.
  return readOcspAnswer(der, question, nowMs).nextUpdateMs ?? nowMs
}
