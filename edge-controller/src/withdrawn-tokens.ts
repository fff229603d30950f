/**
 * Tokens that were withdrawn: accepted by one version of the tokens document, and not, or not for as long, by the next. The site notes with
 * the document's version that there were some, so that what stations have kept of them can be taken from them, also after a restart.
 */
import type { Token } from '@switchyard/protocol/site/buckets.ts'
import type { DocumentVersion } from '@switchyard/protocol/site/document.ts'
import type { StateReader } from './draft.ts'
import type { Entity } from './journal/port.ts'

const WITHDRAWN_KIND = 'tokens.withdrawn'
const NEWEST = 'newest'

/** Whether a token of a bucket's text is not accepted any more by the text that takes its place, or ends earlier by it. */
export function hasWithdrawn(before: string | undefined, after: string | undefined): boolean {
  if (!before || before === after) return false
  const [was, is] = [untilWhen(before), untilWhen(after)]
  for (const [idToken, untilMs] of was)
    if ((is.get(idToken) ?? Number.NEGATIVE_INFINITY) < untilMs) return true
  return false
}

/** Until when each token is accepted, ms; those that are not stand for nothing. Identifiers are compared without regard to case. */
function untilWhen(text: string | undefined): Map<string, number> {
  const until = new Map<string, number>()
  for (const { idToken, status, expiresAt } of text ? (JSON.parse(text) as Token[]) : []) {
    if (status !== 'Accepted') continue
    const ms = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt)
    const key = idToken.toLowerCase()
    until.set(key, Math.max(ms, until.get(key) ?? Number.NEGATIVE_INFINITY))
  }
  return until
}

/** To be written with the document of this version. */
export function withdrawnWith({ generation, n }: DocumentVersion): Entity {
  return { kind: WITHDRAWN_KIND, id: NEWEST, value: `${generation}/${n}` }
}

/** The newest version of the document by which tokens were withdrawn; undefined: none yet. */
export function newestWithdrawal(state: StateReader): string | undefined {
  return state.get<string>(WITHDRAWN_KIND, NEWEST)
}
