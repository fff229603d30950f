/** How a site with a CA signs what its stations ask for. */
import { readRequest } from './certificate-request.ts'
import type { CertificateSigner } from './issue.ts'
import type { SiteCa } from './site-ca.ts'

/** By the site's CA. `organization`: what a request must name; undefined: what it names, else the site's id. */
export function signedBy(ca: SiteCa, siteId: string, organization: string | undefined): CertificateSigner {
  const sign: CertificateSigner['sign'] = async (csr, names) => {
    const request = await readRequest(csr, names, organization)
    if ('refused' in request) return request
    try {
      const { commonName } = request
      return { commonName, ...(await ca.sign(request, commonName, request.organization ?? siteId)) }
    } catch (error) {
      return { refused: `the CA of the site could not sign it: ${(error as Error).message}` }
    }
  }
  const faultOf: CertificateSigner['faultOf'] = async (csr, names) => {
    const request = await readRequest(csr, names, organization)
    return 'refused' in request ? request.refused : undefined
  }
  return { sign, faultOf }
}
