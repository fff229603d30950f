/** SignCertificate (1.6 security whitepaper, A02 and A03): taken where the site has a CA, from a connection that has proved its identity, and where the request is fit to be signed. */
import type { SignCertificateRequest, SignCertificateResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function signCertificate(
  context: HandlerContext,
  { csr }: SignCertificateRequest,
): Decision<SignCertificateResponse> {
  if (!context.signsCertificates) return { reply: { status: 'Rejected' }, outcome: NOTHING }
  // What cannot be signed is told at once; why, as what came of it.
  const status = context.requestFault === undefined ? 'Accepted' : 'Rejected'
  return { reply: { status }, outcome: NOTHING, after: { csr, about: {} } }
}
