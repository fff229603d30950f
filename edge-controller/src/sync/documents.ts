/** Documents from the cloud: joined from their chunks, checked, and swapped in whole together with the fact that says so. */

import { createHash } from 'node:crypto'
import type { Json } from '@switchyard/protocol/json.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import { BUCKETS_FORM } from '@switchyard/protocol/site/buckets.ts'
import {
  DOCUMENT_NAMES,
  type DocumentBody,
  type DocumentName,
  type DocumentVersion,
  documents,
  MAX_DOCUMENT_BYTES,
} from '@switchyard/protocol/site/document.ts'
import type { DocumentMessage } from '@switchyard/protocol/site/envelope.ts'
import { z } from 'zod'
import { type AppliedDocument, DOCUMENT_KIND } from '../documents.ts'
import type { Log } from '../ports.ts'
import type { Outcome, SiteState } from '../site-state.ts'
import { bucketsVersion } from '../tokens.ts'
import { type Taken, TokenBuckets } from './token-buckets.ts'

/** Longest reason that a rejection carries. */
const MAX_REASON_LENGTH = 1_000

/** A document of which chunks are missing. One per name: a chunk of another version replaces it. */
interface Partial {
  version: DocumentVersion
  sha256: string
  chunks: (string | undefined)[]
  bytes: number
}

export interface DocumentsPorts {
  siteId: string
  state: SiteState
  log: Log
  /** What the cloud sends does not build on what is here: a new hello tells it what is. */
  disagree(reason: string): void
}

export class Documents {
  readonly #ports: DocumentsPorts
  readonly #partial = new Map<DocumentName, Partial>()
  /** Version last rejected of each name: the cloud offers it at every hello, and one fact about it is enough. */
  readonly #rejected = new Map<string, string>()

  readonly #tokens: TokenBuckets
  /** The tokens here are not those that the cloud takes them for: they are not told as held until a whole has come. */
  #distrusted = false

  constructor(ports: DocumentsPorts) {
    this.#ports = ports
    this.#tokens = new TokenBuckets(ports.state)
  }

  /** What a hello says of documents: the versions here, and in which forms changes of them can be taken. */
  held(): { documents: Record<string, DocumentVersion>; forms: Record<string, number> } {
    const documents: Record<string, DocumentVersion> = {}
    for (const name of DOCUMENT_NAMES) {
      const applied = this.#ports.state.get<AppliedDocument>(DOCUMENT_KIND, name)
      if (applied && !(name === 'tokens' && this.#distrusted)) documents[name] = applied.version
    }
    // What an older version of the controller kept as one text is no base for changes: a whole comes first.
    const isBase = documents.tokens === undefined || bucketsVersion(this.#ports.state) !== undefined
    return { documents, forms: isBase ? { tokens: BUCKETS_FORM } : {} }
  }

  /** Chunks of a conversation that is over are dropped: the next one begins with the first chunk. */
  end(): void {
    this.#partial.clear()
    this.#tokens.end()
  }

  async take(message: DocumentMessage): Promise<void> {
    const { version } = message
    const name = DOCUMENT_NAMES.find((n) => n === message.name)
    if (!name) return this.#reject(message.name, version, 'a document of this name is not known here')
    const applied = this.#ports.state.get<AppliedDocument>(DOCUMENT_KIND, name)?.version
    const isOld = applied?.generation === version.generation && version.n <= applied.n
    if (isOld && !mutated('older-document')) return
    if (message.form === BUCKETS_FORM && name === 'tokens')
      return this.#taken(name, version, this.#tokens.take(message))
    if (message.form) return this.#reject(name, version, `form ${message.form} of it is not known here`)
    const text = this.#join(name, message)
    if (text === undefined) return
    const read = readDocument(name, text, message.sha256)
    if ('reason' in read) return this.#reject(name, version, read.reason)
    if (name === 'tokens')
      return this.#taken(name, version, this.#tokens.whole(version, read.body as DocumentBody<'tokens'>))
    const value: AppliedDocument = { version, body: read.body }
    const puts = [{ kind: DOCUMENT_KIND, id: name, value: value as unknown as Json }]
    await this.#apply(name, version, { puts, deletes: [] })
  }

  async #taken(name: DocumentName, version: DocumentVersion, taken: Taken): Promise<void> {
    switch (taken.kind) {
      case 'waiting':
        return
      case 'ready':
        await this.#apply(name, version, taken)
        this.#distrusted = false
        return
      case 'wrong':
        return this.#reject(name, version, taken.reason)
      case 'foreign':
        this.#distrusted ||= taken.distrust
        this.#ports.disagree(`document ${name} ${version.n}: ${taken.reason}`)
    }
  }

  async #apply(
    name: DocumentName,
    version: DocumentVersion,
    { puts, deletes }: Pick<Outcome, 'puts' | 'deletes'>,
  ): Promise<void> {
    const { state, log, siteId } = this.#ports
    await state.commit({ facts: [{ kind: 'document.applied', data: { name, ...version } }], puts, deletes })
    this.#rejected.delete(name)
    log.info({ siteId, document: name, ...version }, 'a document was applied')
  }

  /** The whole text once every chunk is here. */
  #join(name: DocumentName, message: DocumentMessage): string | undefined {
    const { version, sha256, chunk, body } = message
    if (chunk.index >= chunk.of) return undefined
    let partial = this.#partial.get(name)
    if (
      !partial ||
      !sameVersion(partial.version, version) ||
      partial.sha256 !== sha256 ||
      partial.chunks.length !== chunk.of
    ) {
      partial = { version, sha256, chunks: new Array<string | undefined>(chunk.of).fill(undefined), bytes: 0 }
      this.#partial.set(name, partial)
    }
    if (partial.chunks[chunk.index] === undefined) {
      partial.chunks[chunk.index] = body
      partial.bytes += Buffer.byteLength(body)
    }
    let bytes = 0
    for (const other of this.#partial.values()) bytes += other.bytes
    if (bytes > MAX_DOCUMENT_BYTES) {
      this.#partial.delete(name)
      this.#ports.log.warn(
        { siteId: this.#ports.siteId, document: name, bytes },
        'chunks over the size bound were dropped',
      )
      return undefined
    }
    if (partial.chunks.some((c) => c === undefined)) return undefined
    this.#partial.delete(name)
    return partial.chunks.join('')
  }

  async #reject(name: string, version: DocumentVersion, reason: string): Promise<void> {
    const tag = `${version.generation}/${version.n}`
    if (this.#rejected.get(name) === tag) return
    // Names come from outside: forgetting all of them costs a repeated fact, keeping all of them would be without bound.
    if (this.#rejected.size > DOCUMENT_NAMES.length * 4) this.#rejected.clear()
    this.#rejected.set(name, tag)
    const { state, log, siteId } = this.#ports
    log.warn({ siteId, document: name, ...version, reason }, 'a document was rejected')
    const data = { name: name.slice(0, 64), ...version, reason: reason.slice(0, MAX_REASON_LENGTH) }
    await state.commit({ facts: [{ kind: 'document.rejected', data }], puts: [], deletes: [] })
  }
}

function sameVersion(a: DocumentVersion, b: DocumentVersion): boolean {
  return a.generation === b.generation && a.n === b.n
}

function readDocument(name: DocumentName, text: string, sha256: string): { body: Json } | { reason: string } {
  const actual = createHash('sha256').update(text, 'utf8').digest('hex')
  if (actual !== sha256.toLowerCase()) return { reason: `its sha256 is ${actual}, not ${sha256}` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { reason: `not JSON: ${(error as Error).message}` }
  }
  const parsed = documents[name].safeParse(value)
  return parsed.success ? { body: parsed.data as Json } : { reason: z.prettifyError(parsed.error) }
}
