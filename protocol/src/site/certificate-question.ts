/**
 * What a station asks about certificates of ISO 15118, and only the cloud can find out: a contract certificate (OCPP 2.x M01, M02) and
 * the status of a certificate (M06). Put to it on the channel of questions; each is answered once, or not at all.
 */
import { z } from 'zod'

/** A site waits so long for the answer: a car waits 5 s for its certificate (ISO 15118-2, table 109), and 500 ms are the station's. */
export const CERTIFICATE_TIMEOUT_MS = 4_500
/** Longest message of the car, base64 (2.1; 2.0.1 has 5,600 characters). */
export const MAX_EXI_REQUEST_CHARS = 11_000
/** Longest answer to it, base64 (2.1; 2.0.1 has 5,600). */
export const MAX_EXI_RESPONSE_CHARS = 17_000
/** Longest status of a certificate, base64 DER (2.1; 2.0.1 has 5,500). */
export const MAX_OCSP_RESULT_CHARS = 18_000
/** Longest reason that a question failed: what `additionalInfo` of a 2.0.1 answer holds. */
export const MAX_REASON_CHARS = 512

const contractQuestion = z.object({
  kind: z.literal('contract'),
  iso15118SchemaVersion: z.string().max(50),
  action: z.enum(['Install', 'Update']),
  /** Of the car: base64. */
  exiRequest: z.string().max(MAX_EXI_REQUEST_CHARS),
  /** 2.1: how many contracts the car has room for, and which it wants first. */
  maximumContractCertificateChains: z.int().optional(),
  prioritizedEMAIDs: z.array(z.string().max(255)).max(8).optional(),
})
export type ContractQuestion = z.infer<typeof contractQuestion>

const statusQuestion = z.object({
  kind: z.literal('status'),
  hashAlgorithm: z.enum(['SHA256', 'SHA384', 'SHA512']),
  /** Hex. */
  issuerNameHash: z.string().max(128),
  issuerKeyHash: z.string().max(128),
  serialNumber: z.string().max(40),
  responderUrl: z.string().max(2_000),
})
export type StatusQuestion = z.infer<typeof statusQuestion>

export const certificateQuestion = z.discriminatedUnion('kind', [contractQuestion, statusQuestion])
export type CertificateQuestion = z.infer<typeof certificateQuestion>

export const certificateReply = z.union([
  /** Base64; 2.1: also how many more contracts there are for the car. */
  z.object({
    exiResponse: z.string().max(MAX_EXI_RESPONSE_CHARS),
    remainingContracts: z.int().min(0).optional(),
  }),
  /** Base64 DER of the responder's answer. */
  z.object({ ocspResult: z.string().max(MAX_OCSP_RESULT_CHARS) }),
  /** Why there is none; `code` is OCPP's reason code. An `exiResponse` that tells the car so may come with it. */
  z.object({
    failed: z.string().max(MAX_REASON_CHARS),
    code: z.string().max(20),
    failedExiResponse: z.string().max(MAX_EXI_RESPONSE_CHARS).optional(),
  }),
])
export type CertificateReply = z.infer<typeof certificateReply>
