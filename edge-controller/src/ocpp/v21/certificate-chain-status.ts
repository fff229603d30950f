/** GetCertificateChainStatus (2.1, M07): no OCSP responder or revocation list is asked here: each status is Failed, not Good. */
import { instant } from '@switchyard/protocol/instant.ts'
import type {
  GetCertificateChainStatusRequest,
  GetCertificateChainStatusResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

/** To be asked again no sooner: nothing changes before an operator changes it. */
const NEXT_UPDATE_MS = 24 * 3_600_000

export function certificateChainStatus(
  { at }: HandlerContext,
  { certificateStatusRequests }: GetCertificateChainStatusRequest,
): Decision<GetCertificateChainStatusResponse> {
  const nextUpdate = instant(at.nowMs + NEXT_UPDATE_MS)
  const certificateStatus = certificateStatusRequests.map(({ certificateHashData, source }) => ({
    certificateHashData,
    source,
    status: 'Failed' as const,
    nextUpdate,
  }))
  return { reply: { certificateStatus }, outcome: NOTHING }
}
