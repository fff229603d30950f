/** Authorize (2.0.1 use cases C01 to C07). */
import type {
  AuthorizeRequest,
  AuthorizeResponse,
  IdTokenInfoType,
  IdTokenType,
} from '@switchyard/protocol/ocpp/v201.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../../documents.ts'
import { Draft } from '../../draft.ts'
import { type Authorization, tokenDecided } from '../../session/authorize.ts'
import { type ContractStatus, judgeContract } from '../../session/contract-certificate.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function idTokenOf(said: IdTokenType): IdToken {
  return { value: said.idToken, type: said.type }
}

export function idTokenInfo(decision: Authorization, status: IdTokenInfoType['status']): IdTokenInfoType {
  const { expiresAt, groupId } = decision
  return {
    status,
    ...(expiresAt === undefined ? {} : { cacheExpiryDateTime: expiresAt }),
    ...(groupId === undefined ? {} : { groupIdToken: { idToken: groupId.slice(0, 36), type: 'Central' } }),
  }
}

export function authorize(context: HandlerContext, said: AuthorizeRequest): Decision<AuthorizeResponse> {
  const decision = context.authorization!
  const draft = new Draft(context.state)
  const certificateStatus = contractStatus(context, said)
  // What cannot be judged here leaves the decision to the token; what was found wrong does not.
  const isRefused = certificateStatus !== undefined && !LEFT_TO_TOKEN.has(certificateStatus)
  const status = isRefused && decision.status === 'Accepted' ? 'Invalid' : decision.status
  draft.fact(tokenDecided(context.stationId, decision, status))
  return {
    reply: {
      idTokenInfo: idTokenInfo(decision, status),
      ...(certificateStatus === undefined ? {} : { certificateStatus }),
    },
    outcome: draft.outcome(),
  }
}

const LEFT_TO_TOKEN: ReadonlySet<ContractStatus> = new Set(['Accepted', 'NoCertificateAvailable'])

/** Undefined: no contract was shown. Hashes alone (C07, validated by the station) need an OCSP responder, and none is asked here. */
function contractStatus(
  { state, at }: HandlerContext,
  { certificate, idToken, iso15118CertificateHashData }: AuthorizeRequest,
): ContractStatus | undefined {
  if (certificate === undefined && iso15118CertificateHashData === undefined) return undefined
  const roots = appliedDocument(state, 'site')?.authorization?.contractRoots ?? []
  return judgeContract(certificate, roots, idToken.idToken, at.nowMs)
}
