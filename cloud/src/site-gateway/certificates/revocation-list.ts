/** Lists of revoked certificates (M07), fetched from where the certificate says; the site judges what they hold. */
import {
  type CertificateReply,
  type CrlQuestion,
  MAX_CRL_BYTES,
  MAX_REASON_CHARS,
} from '@switchyard/protocol/site/certificate-question.ts'
import { askOutside } from './outside-request.ts'

/** Never rejects. */
export async function fetchList({ url }: CrlQuestion, privateAddresses: boolean): Promise<CertificateReply> {
  try {
    const list = await askOutside({ url, privateAddresses, maxBytes: MAX_CRL_BYTES })
    return { crl: list.toString('base64') }
  } catch (error) {
    const why = `the list of revoked certificates is not to be had: ${(error as Error).message}`
    return { code: 'NoStatus', failed: why.slice(0, MAX_REASON_CHARS) }
  }
}
