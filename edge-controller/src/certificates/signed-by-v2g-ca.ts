/** What a V2G CA has signed, held against what its station asked for (A02). Loaded with the first one: what reads requests is large. */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Signed } from './issue.ts'

/** The chain as it came; refused where its first certificate is not for the key of the request. Never throws. */
export function checkSigned(csr: string, chain: string): Signed {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(chain)
  } catch {
    return { refused: 'what the V2G CA has signed is no certificate in PEM' }
  }
  try {
    const asked = Buffer.from(new x509.Pkcs10CertificateRequest(csr).publicKey.rawData)
    if (!asked.equals(certificate.publicKey.export({ type: 'spki', format: 'der' })))
      return { refused: 'what the V2G CA has signed is for another key' }
  } catch {
    return { refused: 'it is no certificate signing request (PKCS #10)' }
  }
  return {
    chain,
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '',
    serialNumber: certificate.serialNumber,
    notAfter: new Date(certificate.validTo),
  }
}
