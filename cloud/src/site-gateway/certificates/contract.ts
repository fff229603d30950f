/** Contract certificates for cars (M01, M02): asked of the service that the operator has configured (docs/iso15118.md). */
import {
  type CertificateReply,
  type ContractQuestion,
  MAX_EXI_RESPONSE_CHARS,
  MAX_REASON_CHARS,
} from '@switchyard/protocol/site/certificate-question.ts'
import { z } from 'zod'
import { askOutside } from './outside-request.ts'

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
  try {
    const body = Buffer.from(JSON.stringify(question))
    // Whoever runs the cloud named it, so it may be in their own network.
    const answer = await askOutside({ url, contentType: 'application/json', body, privateAddresses: true })
    const { status, exiResponse, remainingContracts, reason } = contractAnswer.parse(
      JSON.parse(answer.toString('utf8')),
    )
    if (status === 'Accepted' && exiResponse !== '')
      return { exiResponse, ...(remainingContracts === undefined ? {} : { remainingContracts }) }
    const failed = reason ?? 'the certificate service has no certificate for this car'
    return { code: 'Refused', failed: failed.slice(0, MAX_REASON_CHARS), failedExiResponse: exiResponse }
  } catch (error) {
    const wrong = error instanceof z.ZodError || error instanceof SyntaxError
    const why = wrong ? 'its answer cannot be read' : (error as Error).message
    return {
      code: 'ServiceFailed',
      failed: `the certificate service failed: ${why}`.slice(0, MAX_REASON_CHARS),
    }
  }
}
