/**
 * The tokens of the applied document, in buckets: one entity each (kind `tokens`, id the bucket's number), its value the text
 * of the bucket. A change of one token writes one small entity, and a card is looked up in one short text.
 */

import { bucketOf, TOKEN_BUCKETS, type Token } from '@switchyard/protocol/site/buckets.ts'
import type { DocumentBody, DocumentVersion } from '@switchyard/protocol/site/document.ts'
import { EMAID, emaidWritings } from '@switchyard/protocol/site/emaid.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { type AppliedDocument, appliedDocument, DOCUMENT_KIND } from './documents.ts'
import type { StateReader } from './draft.ts'

export const TOKENS_KIND = 'tokens'

/** The entity (`document`, `tokens`) where the tokens themselves lie in buckets. */
export interface TokensInBuckets extends AppliedDocument {
  form: 1
}

/** The version applied, if its tokens lie in buckets. */
export function bucketsVersion(state: StateReader): DocumentVersion | undefined {
  const applied = state.get<AppliedDocument & { form?: number }>(DOCUMENT_KIND, 'tokens')
  return applied?.form === 1 ? applied.version : undefined
}

/**
 * The token with this identifier, compared without regard to case (1.6: CiString; 2.x: identifierString); an accepted one first. An
 * eMAID that is in no list as it is written is looked for in its other writings, among eMAIDs.
 */
export function tokenEntry(state: StateReader, idToken: IdToken): Token | undefined {
  const asWritten = best(candidates(state, idToken.value).filter((it) => isWritten(it, idToken.value)))
  if (asWritten) return asWritten
  const others = emaidWritings(idToken).flatMap((writing) =>
    candidates(state, writing).filter((it) => it.type === EMAID && isWritten(it, writing)),
  )
  return best(others)
}

function isWritten({ idToken }: Token, value: string): boolean {
  return idToken.toLowerCase() === value.toLowerCase()
}

function best(found: readonly Token[]): Token | undefined {
  return found.find((it) => it.status === 'Accepted') ?? found[0]
}

/** Every token of the applied document, in no order. */
export function* allTokens(state: StateReader): Generator<Token> {
  if (bucketsVersion(state) === undefined) {
    yield* wholes(state)
    return
  }
  for (let bucket = 0; bucket < TOKEN_BUCKETS; bucket++) {
    const text = state.get<string>(TOKENS_KIND, String(bucket))
    if (text !== undefined) yield* JSON.parse(text) as Token[]
  }
}

function candidates(state: StateReader, value: string): Token[] {
  if (bucketsVersion(state) === undefined) return wholes(state)
  const text = state.get<string>(TOKENS_KIND, String(bucketOf(value)))
  return text === undefined ? [] : (JSON.parse(text) as Token[])
}

/** As a version before buckets kept them: all in the document's own entity, until the cloud sends a newer one. */
function wholes(state: StateReader): Token[] {
  return (appliedDocument(state, 'tokens') as DocumentBody<'tokens'> | undefined)?.tokens ?? []
}
