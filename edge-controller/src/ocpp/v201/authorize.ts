/** Authorize (2.0.1 use cases C01 to C07). */
import type {
  AuthorizeRequest,
  AuthorizeResponse,
  IdTokenInfoType,
  MessageContentType,
} from '@switchyard/protocol/ocpp/v201.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { Draft } from '../../draft.ts'
import { type Authorization, tokenDecided } from '../../session/authorize.ts'
import { contractAnswer, type ShownContract } from '../../session/plug-and-charge.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { certificateIdOf } from './certificate-questions.ts'

export function idTokenOf(said: { idToken: string; type: string }): IdToken {
  return { value: said.idToken, type: said.type }
}

export function idTokenInfo(decision: Authorization, status: IdTokenInfoType['status']): IdTokenInfoType {
  const { expiresAt, groupId, chargingPriority, language } = decision
  const personalMessage = personalMessageOf(decision)
  return {
    status,
    ...(expiresAt === undefined ? {} : { cacheExpiryDateTime: expiresAt }),
    ...(groupId === undefined ? {} : { groupIdToken: { idToken: groupId.slice(0, 36), type: 'Central' } }),
    ...(chargingPriority === undefined ? {} : { chargingPriority }),
    ...(language === undefined ? {} : { language1: language }),
    ...(personalMessage === undefined ? {} : { personalMessage }),
  }
}

/** What the token's driver is to be shown; undefined: nothing. */
export function personalMessageOf({
  personalMessage: content,
  language,
}: Pick<Authorization, 'personalMessage' | 'language'>): MessageContentType | undefined {
  if (content === undefined) return undefined
  return { format: 'UTF8', content, ...(language === undefined ? {} : { language }) }
}

/** The contract that an EV has shown (C07); undefined: none. */
export function shownContract(said: AuthorizeRequest): ShownContract | undefined {
  const { certificate, idToken, iso15118CertificateHashData } = said
  if (certificate === undefined && iso15118CertificateHashData === undefined) return undefined
  return {
    emaid: idToken.idToken,
    ...(certificate === undefined ? {} : { certificate }),
    hashes: (iso15118CertificateHashData ?? []).map((it) => ({
      ...certificateIdOf(it),
      source: 'OCSP',
      url: it.responderURL,
    })),
  }
}

export function authorize(context: HandlerContext): Decision<AuthorizeResponse> {
  const decision = context.authorization!
  const draft = new Draft(context.state)
  const { contract } = context
  const { status, certificateStatus } = contract
    ? contractAnswer(decision.status, contract)
    : { status: decision.status, certificateStatus: undefined }
  draft.fact(tokenDecided(context.stationId, decision, status, certificateStatus))
  return {
    reply: {
      idTokenInfo: idTokenInfo(decision, status),
      ...(certificateStatus === undefined ? {} : { certificateStatus }),
    },
    outcome: draft.outcome(),
  }
}
