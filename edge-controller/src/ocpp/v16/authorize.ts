/** Authorize (1.6 section 4.1). */
import type { AuthorizeRequest, AuthorizeResponse, IdTagInfo } from '@switchyard/protocol/ocpp/v16.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { Draft } from '../../draft.ts'
import { type Authorization, tokenDecided } from '../../session/authorize.ts'
import type { Decision, HandlerContext } from '../handler.ts'

/** 1.6 does not tell what kind of token an idTag is. */
export function idTokenOf(idTag: string): IdToken {
  return { value: idTag, type: 'Central' }
}

/** Longest parentIdTag, as every IdToken of 1.6; a longer group id is left out. */
const ID_TAG_MAX_CHARS = 20

export function idTagInfo(decision: Authorization, status: IdTagInfo['status']): IdTagInfo {
  const { expiresAt, groupId } = decision
  return {
    status,
    ...(expiresAt === undefined ? {} : { expiryDate: expiresAt }),
    ...(groupId === undefined || groupId.length > ID_TAG_MAX_CHARS ? {} : { parentIdTag: groupId }),
  }
}

/** Use of the token elsewhere is judged at the start: a card is also presented to end a session. */
export function authorize(context: HandlerContext, _said: AuthorizeRequest): Decision<AuthorizeResponse> {
  const decision = context.authorization!
  const draft = new Draft(context.state)
  draft.fact(tokenDecided(context.stationId, decision, decision.status))
  return { reply: { idTagInfo: idTagInfo(decision, decision.status) }, outcome: draft.outcome() }
}
