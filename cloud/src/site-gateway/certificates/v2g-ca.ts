/** Certificates that stations show to cars (A02): signed by the V2G CA that the operator has configured (docs/iso15118.md). */
import {
  type CertificateReply,
  MAX_CHAIN_CHARS,
  MAX_REASON_CHARS,
  type SignQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import { z } from 'zod'
import { askService } from './operator-service.ts'

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
  const ca = { name: 'the V2G CA', url, shape: signed }
  return askService(ca, { ...place, ...wish }, ({ status, certificateChain, reason }) => {
    if (status === 'Accepted' && certificateChain !== '') return { certificateChain }
    const failed = reason ?? 'the V2G CA does not sign this'
    return { code: 'Refused', failed: failed.slice(0, MAX_REASON_CHARS) }
  })
}
