/**
 * The document `tokens` in buckets, so that a change of one token among 100,000 moves one bucket and not the whole. A token
 * belongs to the bucket of its identifier; a bucket is the exact text of a JSON array; the digest of the whole is made from
 * the digests of its buckets, so that both sides know whether they hold the same without sending it.
 */
import type { DocumentBody } from './document.ts'

/** Form of the document that is described here; 0 is one JSON text. */
export const BUCKETS_FORM = 1
/** With 100,000 tokens some twelve in each. Never to be changed within a form: it decides where tokens lie. */
export const TOKEN_BUCKETS = 8_192

export type Token = DocumentBody<'tokens'>['tokens'][number]

/** FNV-1a, 32 bits, over the UTF-8 bytes of the identifier in lower case: identifiers are compared without regard to case. */
export function bucketOf(idToken: string): number {
  let hash = 2_166_136_261
  for (const byte of Buffer.from(idToken.toLowerCase(), 'utf8'))
    hash = Math.imul(hash ^ byte, 16_777_619) >>> 0
  return hash % TOKEN_BUCKETS
}

/** Texts of the buckets that hold anything. */
export function bucketsOf(tokens: Iterable<Token>): Map<number, string> {
  const sorted = new Map<number, Token[]>()
  for (const token of tokens) {
    const bucket = bucketOf(token.idToken)
    const held = sorted.get(bucket)
    if (held) held.push(token)
    else sorted.set(bucket, [token])
  }
  return new Map([...sorted].map(([bucket, held]) => [bucket, bucketText(held)]))
}

/** The same text for the same tokens, in whatever order they come; empty for none. */
export function bucketText(tokens: readonly Token[]): string {
  if (tokens.length === 0) return ''
  // Fields that are undefined leave no trace: the text of a token that has none of the newer ones is what it was.
  const lines = tokens.map(
    ({ idToken, type, status, expiresAt, groupId, chargingPriority, language, personalMessage }) =>
      JSON.stringify({
        ...{ idToken, type, status, expiresAt, groupId },
        ...{ chargingPriority, language, personalMessage },
      }),
  )
  return `[${lines.sort().join(',')}]`
}

/** Digest of the whole; `digests` by bucket, with no entry for an empty one. */
export function digestOfBuckets(
  digests: ReadonlyMap<number, string>,
  sha256: (text: string) => string,
): string {
  const lines = [...digests].sort(([a], [b]) => a - b).map(([bucket, digest]) => `${bucket} ${digest}`)
  return sha256(lines.join('\n'))
}
