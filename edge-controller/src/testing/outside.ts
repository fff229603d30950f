/** Questions about certificates, put to servers over HTTP as the cloud does, for tests of the controller alone. */
import { ocspRequest } from '@switchyard/protocol/certificates/ocsp.ts'
import type { CertificateQuestion, CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'

export async function askOutside(
  question: CertificateQuestion,
  v2gCaUrl?: string,
): Promise<CertificateReply | undefined> {
  const base64 = async (response: Response) => Buffer.from(await response.arrayBuffer()).toString('base64')
  switch (question.kind) {
    case 'status': {
      const headers = { 'content-type': 'application/ocsp-request' }
      const body = Buffer.from(ocspRequest(question))
      const response = await fetch(question.responderUrl, { method: 'POST', headers, body })
      return response.ok ? { ocspResult: await base64(response) } : { code: 'NoStatus', failed: 'no status' }
    }
    case 'crl': {
      const response = await fetch(question.url)
      return response.ok ? { crl: await base64(response) } : { code: 'NoStatus', failed: 'no list' }
    }
    case 'sign': {
      if (v2gCaUrl === undefined) return { code: 'NoV2GCA', failed: 'no V2G CA is configured' }
      const response = await fetch(v2gCaUrl, { method: 'POST', body: JSON.stringify(question) })
      const { certificateChain } = (await response.json()) as { certificateChain: string }
      return { certificateChain }
    }
    case 'contract':
      return undefined
  }
}
