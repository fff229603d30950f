/** GetCertificateChainStatus (2.1, M07): what OCSP responders and lists of revoked certificates say; Failed where nobody vouches for a status. */
import { instant } from '@switchyard/protocol/instant.ts'
import type {
  GetCertificateChainStatusRequest,
  GetCertificateChainStatusResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import type { StatusRequest } from '../../certificates/chain-status.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { certificateIdOf } from '../v201/certificate-questions.ts'

/** A status that was not to be had, or is not known, may be asked for again after this. */
const NEXT_TRY_MS = 3_600_000

export function statusRequests(said: GetCertificateChainStatusRequest): StatusRequest[] {
  return said.certificateStatusRequests.map(({ certificateHashData, source, urls }) => ({
    id: certificateIdOf(certificateHashData),
    source,
    urls,
  }))
}

export function certificateChainStatus(
  { at, statuses = [] }: HandlerContext,
  { certificateStatusRequests }: GetCertificateChainStatusRequest,
): Decision<GetCertificateChainStatusResponse> {
  const certificateStatus = certificateStatusRequests.map(({ certificateHashData, source }, n) => {
    const { status = 'Failed' as const, untilMs } = statuses[n] ?? {}
    const isKnown = status === 'Good' || status === 'Revoked'
    // What was revoked stands beyond the end of its answer.
    const nextMs = isKnown ? Math.max(untilMs ?? 0, at.nowMs) : at.nowMs + NEXT_TRY_MS
    return {
      certificateHashData: certificateIdOf(certificateHashData),
      source,
      status,
      nextUpdate: instant(nextMs),
    }
  })
  return { reply: { certificateStatus }, outcome: NOTHING }
}
