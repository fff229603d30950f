/** How a site with a CA signs what its stations ask for. */
import { readRequest } from './certificate-request.ts'
import type { SignCertificate } from './issue.ts'
import type { SiteCa } from './site-ca.ts'

/** By the site's CA. `organization`: what a request must name; undefined: what it names, else the site's id. */
export function signedBy(ca: SiteCa, siteId: string, organization: string | undefined): SignCertificate {
  return async (csr, names) => {
    const request = await readRequest(csr, names, organization)
    if ('refused' in request) return request
    try {
      const { commonName } = request
      return { commonName, ...(await ca.sign(request, commonName, request.organization ?? siteId)) }
    } catch (error) {
      return { refused: `the CA of the site could not sign it: ${(error as Error).message}` }
    }
  }
}
