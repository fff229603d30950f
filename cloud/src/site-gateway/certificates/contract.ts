/** Contract certificates for cars (M01, M02): asked of the service that the operator has configured (docs/iso15118.md). */
import {
  type CertificateReply,
  type ContractQuestion,
  MAX_EXI_RESPONSE_CHARS,
  MAX_REASON_CHARS,
} from '@switchyard/protocol/site/certificate-question.ts'
import { z } from 'zod'
import { askService } from './operator-service.ts'

/** What the service answers. */
const contractAnswer = z.object({
  status: z.enum(['Accepted', 'Failed']),
  exiResponse: z.string().max(MAX_EXI_RESPONSE_CHARS).default(''),
  /** 2.1. */
  remainingContracts: z.int().min(0).optional(),
  /** Of a failure: told to the station. */
  reason: z.string().optional(),
})

/** Never rejects. */
export async function askForContract(
  url: string | undefined,
  { kind: _, ...question }: ContractQuestion,
): Promise<CertificateReply> {
  if (url === undefined) return { code: 'NotEnabled', failed: 'no certificate service is configured' }
  const service = { name: 'the certificate service', url, shape: contractAnswer }
  return askService(service, question, ({ status, exiResponse, remainingContracts, reason }) => {
    if (status === 'Accepted' && exiResponse !== '')
      return { exiResponse, ...(remainingContracts === undefined ? {} : { remainingContracts }) }
    const failed = reason ?? 'the certificate service has no certificate for this car'
    return { code: 'Refused', failed: failed.slice(0, MAX_REASON_CHARS), failedExiResponse: exiResponse }
  })
}
