/** Authorize (2.0.1 use cases C01 to C06); contract certificates (C07) are not judged here. */
import type {
  AuthorizeRequest,
  AuthorizeResponse,
  IdTokenInfoType,
  IdTokenType,
} from '@switchyard/protocol/ocpp/v201.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { Draft } from '../../draft.ts'
import { type Authorization, tokenDecided } from '../../session/authorize.ts'
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
  draft.fact(tokenDecided(context.stationId, decision, decision.status))
  const asksForCertificate = said.certificate !== undefined || said.iso15118CertificateHashData !== undefined
  return {
    reply: {
      idTokenInfo: idTokenInfo(decision, decision.status),
      ...(asksForCertificate ? { certificateStatus: 'NoCertificateAvailable' as const } : {}),
    },
    outcome: draft.outcome(),
  }
}
