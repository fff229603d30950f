/**
 * What a station asks about certificates of ISO 15118, and only the cloud can find out: a contract certificate (OCPP 2.x M01, M02), the
 * status of a certificate (M06, M07, C07), and a certificate by the V2G CA (A02). Put to it on the channel of questions; each is answered once, or not at all.
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
/** Longest request for a certificate, and longest chain, PEM (2.x). */
export const MAX_CSR_CHARS = 5_500
export const MAX_CHAIN_CHARS = 10_000
/** Largest list of revoked certificates. */
export const MAX_CRL_BYTES = 256 * 1024
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

/** A certificate for the station as it faces cars, of the CA for that. */
const signQuestion = z.object({
  kind: z.literal('sign'),
  certificateType: z.enum(['V2GCertificate', 'V2G20Certificate']),
  /** PEM, PKCS #10. */
  csr: z.string().max(MAX_CSR_CHARS),
  /** 2.1: the root that its chain shall lead to. */
  hashRootCertificate: statusQuestion.omit({ kind: true, responderUrl: true }).optional(),
})
export type SignQuestion = z.infer<typeof signQuestion>

/** A list of revoked certificates. */
const crlQuestion = z.object({ kind: z.literal('crl'), url: z.string().max(2_000) })
export type CrlQuestion = z.infer<typeof crlQuestion>

export const certificateQuestion = z.discriminatedUnion('kind', [
  contractQuestion,
  statusQuestion,
  signQuestion,
  crlQuestion,
])
export type CertificateQuestion = z.infer<typeof certificateQuestion>

export const certificateReply = z.union([
  /** Base64; 2.1: also how many more contracts there are for the car. */
  z.object({
    exiResponse: z.string().max(MAX_EXI_RESPONSE_CHARS),
    remainingContracts: z.int().min(0).optional(),
  }),
  /** Base64 DER of the responder's answer. */
  z.object({ ocspResult: z.string().max(MAX_OCSP_RESULT_CHARS) }),
  /** PEM, the station's certificate first. */
  z.object({ certificateChain: z.string().max(MAX_CHAIN_CHARS) }),
  /** Base64 DER, not looked into. */
  z.object({ crl: z.string().max(Math.ceil(MAX_CRL_BYTES / 3) * 4) }),
  /** Why there is none; `code` is OCPP's reason code. An `exiResponse` that tells the car so may come with it. */
  z.object({
    failed: z.string().max(MAX_REASON_CHARS),
    code: z.string().max(20),
    failedExiResponse: z.string().max(MAX_EXI_RESPONSE_CHARS).optional(),
  }),
])
export type CertificateReply = z.infer<typeof certificateReply>
