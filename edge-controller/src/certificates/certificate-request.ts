/** Certificate signing requests of stations (A02, A03): read, and held against what their station may be given. */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

export interface CertificateRequest {
  publicKey: x509.PublicKey
  commonName: string
  organization: string | undefined
}

/** Why a request is not signed; else what it asks for. Never throws. */
export async function readRequest(
  pem: string,
  /** Common names that the station may have: its identity, and its serial number. */
  names: readonly string[],
  organization: string | undefined,
): Promise<CertificateRequest | { refused: string }> {
  let request: x509.Pkcs10CertificateRequest
  try {
    request = new x509.Pkcs10CertificateRequest(pem)
  } catch {
    return { refused: 'it is no certificate signing request (PKCS #10)' }
  }
  const commonName = request.subjectName.getField('CN')[0]
  if (commonName === undefined || !names.includes(commonName))
    return {
      refused: `its common name is ${commonName?.slice(0, 64) ?? 'missing'}, not ${names.join(' or ')}`,
    }
  const [wanted] = request.subjectName.getField('O')
  if (organization !== undefined && wanted !== organization)
    return { refused: `its organization is ${wanted?.slice(0, 64) ?? 'missing'}, not ${organization}` }
  const weak = weaknessOf(request.publicKey.algorithm)
  if (weak !== undefined) return { refused: weak }
  if (!(await request.verify().catch(() => false))) return { refused: 'its signature is not of its own key' }
  return { publicKey: request.publicKey, commonName, organization: wanted }
}

/** Keys as 2.0.1 Part 2, A00.FR.50x asks for: RSA of 2048 bits at least, or a curve of 224 bits at least. */
function weaknessOf(algorithm: { name: string; modulusLength?: number; namedCurve?: string }) {
  if (algorithm.name.startsWith('RSA'))
    return (algorithm.modulusLength ?? 0) >= 2048 ? undefined : 'its RSA key has less than 2048 bits'
  if (['P-256', 'P-384', 'P-521'].includes(algorithm.namedCurve ?? '')) return undefined
  return `keys of ${algorithm.namedCurve ?? algorithm.name} are not signed here`
}
