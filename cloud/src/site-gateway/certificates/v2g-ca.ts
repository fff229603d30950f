/** Certificates that stations show to cars (A02): signed by the V2G CA that the operator has configured (docs/iso15118.md). */
import {
  type CertificateReply,
  MAX_CHAIN_CHARS,
  MAX_REASON_CHARS,
  type SignQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import { z } from 'zod'
import { askOutside } from './outside-request.ts'

/** What the CA answers. */
const signed = z.object({
  status: z.enum(['Accepted', 'Rejected']),
  /** PEM: the station's certificate, then those of the CAs up to the root, which is left out. */
  certificateChain: z.string().max(MAX_CHAIN_CHARS).default(''),
  /** Of a rejection: told to the station. */
  reason: z.string().optional(),
})

/** Never rejects. */
export async function askToSign(
  url: string | undefined,
  place: { siteId: string; stationId: string },
  { kind: _, ...wish }: SignQuestion,
): Promise<CertificateReply> {
  if (url === undefined) return { code: 'NoV2GCA', failed: 'no V2G CA is configured' }
  try {
    const body = Buffer.from(JSON.stringify({ ...place, ...wish }))
    // Whoever runs the cloud named it, so it may be in their own network.
    const answer = await askOutside({ url, contentType: 'application/json', body, privateAddresses: true })
    const { status, certificateChain, reason } = signed.parse(JSON.parse(answer.toString('utf8')))
    if (status === 'Accepted' && certificateChain !== '') return { certificateChain }
    const failed = reason ?? 'the V2G CA does not sign this'
    return { code: 'Refused', failed: failed.slice(0, MAX_REASON_CHARS) }
  } catch (error) {
    const wrong = error instanceof z.ZodError || error instanceof SyntaxError
    const why = wrong ? 'its answer cannot be read' : (error as Error).message
    return { code: 'ServiceFailed', failed: `the V2G CA failed: ${why}`.slice(0, MAX_REASON_CHARS) }
  }
}
