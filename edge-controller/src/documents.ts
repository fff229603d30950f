/** The documents as last applied at this site: entities of kind `document`, written by the downlink together with `document.applied`. */
import type { Json } from '@switchyard/protocol/json.ts'
import type { DocumentBody, DocumentName, DocumentVersion } from '@switchyard/protocol/site/document.ts'
import type { StateReader } from './draft.ts'

export const DOCUMENT_KIND = 'document'

/** Value of the entity; its id is the document's name. */
export interface AppliedDocument {
  version: DocumentVersion
  body: Json
}

/** The version of a document that was applied; undefined while none has come. */
export function documentVersionOf(state: StateReader, name: DocumentName): DocumentVersion | undefined {
  return state.get<AppliedDocument>(DOCUMENT_KIND, name)?.version
}

/** The body of a document, validated when it was applied; undefined while none has come. */
export function appliedDocument<N extends DocumentName>(
  state: StateReader,
  name: N,
): DocumentBody<N> | undefined {
  return state.get<AppliedDocument>(DOCUMENT_KIND, name)?.body as DocumentBody<N> | undefined
}
