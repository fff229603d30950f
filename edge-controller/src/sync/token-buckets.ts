/**
 * The tokens document on its way in, bucket by bucket: each chunk is checked when it comes, so that no long work stands at the
 * end; when the last one is here, the digest says whether what results is what the cloud has, and one commit swaps it in.
 */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { Json } from '@switchyard/protocol/json.ts'
import {
  BUCKETS_FORM,
  bucketOf,
  bucketsOf,
  digestOfBuckets,
  TOKEN_BUCKETS,
} from '@switchyard/protocol/site/buckets.ts'
import {
  type DocumentBody,
  type DocumentVersion,
  MAX_DOCUMENT_BYTES,
  tokensDocument,
} from '@switchyard/protocol/site/document.ts'
import {
  bucketsChunk,
  type DocumentMessage,
  MAX_BATCH_INFLATED_BYTES,
} from '@switchyard/protocol/site/envelope.ts'
import { DOCUMENT_KIND } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import type { Entity, EntityKey } from '../journal/port.ts'
import { bucketsVersion, TOKENS_KIND, type TokensInBuckets } from '../tokens.ts'
import { hasWithdrawn, withdrawnWith } from '../withdrawn-tokens.ts'

/** What became of a chunk. `foreign`: it builds on a version that is not here, or (distrust) on other tokens than are here. */
export type Taken =
  | { kind: 'waiting' }
  | { kind: 'ready'; puts: Entity[]; deletes: EntityKey[] }
  | { kind: 'wrong'; reason: string }
  | { kind: 'foreign'; reason: string; distrust: boolean }

/** A change of which chunks are missing. */
interface Partial {
  version: DocumentVersion
  sha256: string
  base: DocumentVersion | undefined
  came: Set<number>
  of: number
  buckets: Map<number, string>
  chars: number
}

export class TokenBuckets {
  readonly #state: StateReader
  #partial: Partial | undefined
  /** Digest of what last came and was not what it said. */
  #mismatched = ''
  /** Digest of each bucket as it is in the state, with the text that it is of. */
  readonly #digests = new Map<number, { text: string; digest: string }>()

  constructor(state: StateReader) {
    this.#state = state
  }

  /** Chunks of a conversation that is over are dropped. */
  end(): void {
    this.#partial = undefined
  }

  /** One text with all tokens (form 0), as what replaces whatever is here. */
  whole(version: DocumentVersion, body: DocumentBody<'tokens'>): Extract<Taken, { kind: 'ready' }> {
    return this.#replacing(version, bucketsOf(body.tokens), true)
  }

  /** A chunk of form 1. */
  take(message: DocumentMessage): Taken {
    const { version, base, sha256, chunk } = message
    const held = bucketsVersion(this.#state)
    if (base && !(held && held.generation === base.generation && base.n <= held.n))
      return {
        kind: 'foreign',
        reason: `it builds on version ${base.n}, ${held?.n ?? 'none'} is here`,
        distrust: false,
      }
    if (chunk.index >= chunk.of) return { kind: 'waiting' }
    let partial = this.#partial
    if (!partial || !isSame(partial, message)) {
      partial = { version, sha256, base, came: new Set(), of: chunk.of, buckets: new Map(), chars: 0 }
      this.#partial = partial
    }
    if (partial.came.has(chunk.index)) return { kind: 'waiting' }
    const read = readChunk(message.body)
    if ('reason' in read) {
      this.#partial = undefined
      return { kind: 'wrong', reason: `chunk ${chunk.index}: ${read.reason}` }
    }
    for (const [bucket, text] of read.buckets) {
      partial.buckets.set(bucket, text)
      partial.chars += text.length
    }
    partial.came.add(chunk.index)
    if (partial.chars > MAX_DOCUMENT_BYTES) {
      this.#partial = undefined
      return { kind: 'wrong', reason: `it has more than ${MAX_DOCUMENT_BYTES} characters` }
    }
    if (partial.came.size < partial.of) return { kind: 'waiting' }
    this.#partial = undefined
    const isWhole = base === undefined
    const digest = this.#digestWith(partial.buckets, isWhole)
    if (digest !== sha256.toLowerCase()) {
      const reason = `its digest is ${digest}, not ${sha256}`
      // Chunks of two sendings that were cut differently may have met; if it is no better alone, it is wrong.
      const again = this.#mismatched === sha256
      this.#mismatched = sha256
      return isWhole && again ? { kind: 'wrong', reason } : { kind: 'foreign', reason, distrust: true }
    }
    return this.#replacing(version, partial.buckets, isWhole)
  }

  #text(bucket: number): string | undefined {
    if (bucketsVersion(this.#state) === undefined) return undefined
    return this.#state.get<string>(TOKENS_KIND, String(bucket))
  }

  /** Digest of what is here with these buckets in the place of its own; of these alone when they are the whole. */
  #digestWith(buckets: ReadonlyMap<number, string>, isWhole: boolean): string {
    const digests = new Map<number, string>()
    for (let bucket = 0; bucket < TOKEN_BUCKETS; bucket++) {
      const text = buckets.get(bucket) ?? (isWhole ? undefined : this.#text(bucket))
      if (text) digests.set(bucket, this.#digestOf(bucket, text))
    }
    return digestOfBuckets(digests, sha256Of)
  }

  #digestOf(bucket: number, text: string): string {
    const known = this.#digests.get(bucket)
    if (known?.text === text) return known.digest
    const digest = sha256Of(text)
    this.#digests.set(bucket, { text, digest })
    return digest
  }

  #replacing(
    version: DocumentVersion,
    buckets: ReadonlyMap<number, string>,
    isWhole: boolean,
  ): Extract<Taken, { kind: 'ready' }> {
    const value: TokensInBuckets = { version, form: BUCKETS_FORM, body: {} }
    const puts: Entity[] = [{ kind: DOCUMENT_KIND, id: 'tokens', value: value as unknown as Json }]
    const deletes: EntityKey[] = []
    let isWithdrawn = false
    for (let bucket = 0; bucket < TOKEN_BUCKETS; bucket++) {
      const text = buckets.get(bucket)
      if (text === undefined && !isWhole) continue
      const id = String(bucket)
      const before = this.#state.get<string>(TOKENS_KIND, id)
      isWithdrawn ||= hasWithdrawn(before, text)
      if (text && text !== before) puts.push({ kind: TOKENS_KIND, id, value: text })
      else if (!text && before !== undefined) deletes.push({ kind: TOKENS_KIND, id })
    }
    if (isWithdrawn) puts.push(withdrawnWith(version))
    return { kind: 'ready', puts, deletes }
  }
}

function isSame(partial: Partial, { version, sha256, base, chunk }: DocumentMessage): boolean {
  return (
    partial.version.generation === version.generation &&
    partial.version.n === version.n &&
    partial.sha256 === sha256 &&
    partial.of === chunk.of &&
    partial.base?.n === base?.n
  )
}

function readChunk(body: string): { buckets: [number, string][] } | { reason: string } {
  try {
    const packed = Buffer.from(body, 'base64')
    const text = gunzipSync(packed, { maxOutputLength: MAX_BATCH_INFLATED_BYTES }).toString('utf8')
    const { buckets } = bucketsChunk.parse(JSON.parse(text))
    for (const [bucket, held] of buckets) {
      if (held === '') continue
      const { tokens } = tokensDocument.parse({ tokens: JSON.parse(held) })
      const stray = tokens.find((it) => bucketOf(it.idToken) !== bucket)
      if (stray) return { reason: `a token of bucket ${bucketOf(stray.idToken)} lies in bucket ${bucket}` }
    }
    return { buckets }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
