/** A service that the operator has configured for certificates: asked in JSON, and answered by a shape (docs/iso15118.md). */
import { type CertificateReply, MAX_REASON_CHARS } from '@switchyard/protocol/site/certificate-question.ts'
import { z } from 'zod'
import { askOutside } from './outside-request.ts'

/** Gives what `take` makes of the answer. Never rejects: `name` is who has failed, in words for a station. */
export async function askService<T>(
  { name, url, shape }: { name: string; url: string; shape: z.ZodType<T> },
  question: object,
  take: (answer: T) => CertificateReply,
): Promise<CertificateReply> {
  try {
    const body = Buffer.from(JSON.stringify(question))
    // Whoever runs the cloud named it, so it may be in their own network.
    const answer = await askOutside({ url, contentType: 'application/json', body, privateAddresses: true })
    return take(shape.parse(JSON.parse(answer.toString('utf8'))))
  } catch (error) {
    const wrong = error instanceof z.ZodError || error instanceof SyntaxError
    const why = wrong ? 'its answer cannot be read' : (error as Error).message
    return { code: 'ServiceFailed', failed: `${name} failed: ${why}`.slice(0, MAX_REASON_CHARS) }
  }
}
