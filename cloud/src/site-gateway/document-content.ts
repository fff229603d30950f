/** Content of documents that another service owns: asked for once for all sites that need the same, and packed for the way. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { BUCKETS_FORM } from '@switchyard/protocol/site/buckets.ts'
import {
  DOCUMENT_CHUNK_BYTES,
  type DocumentVersion,
  documentVersion,
} from '@switchyard/protocol/site/document.ts'
import { z } from 'zod'
import type { ServiceContext, TargetName } from '../platform/service.ts'
import { chunksOf } from './chunks.ts'

const compress = promisify(gzip)
/** Contents kept, and how much of them; the oldest go first. Sites that are up to date need the same small change. */
const MAX_KEPT = 32
const MAX_KEPT_CHARS = 32 * 1024 * 1024
/** Making the whole of 100,000 tokens takes a second or two on a busy machine. */
const TIMEOUT_MS = 30_000

const content = z.object({
  version: documentVersion,
  digest: z.string(),
  base: z.int().nullable(),
  chunks: z.array(z.string()).min(1),
})

export interface Content {
  version: DocumentVersion
  sha256: string
  form: number
  /** The version that it is a change of; null: it is the whole. */
  base: number | null
  /** As they go into messages. */
  bodies: string[]
}

export interface Wanted {
  tenantId: string
  owner: string
  name: string
  /** The version that was announced; what is given is that one or a newer. */
  version: DocumentVersion
  form: number
  /** What the site holds of the same generation. */
  base: number | undefined
}

export interface Contents {
  get(wanted: Wanted): Promise<Content>
}

export function createContents({ client }: Pick<ServiceContext, 'client'>): Contents {
  const kept = new Map<string, { content: Promise<Content>; chars: number }>()

  async function ask({ tenantId, owner, name, form, base }: Wanted): Promise<Content> {
    const query = `form=${form}${base === undefined ? '' : `&base=${base}`}`
    const path = `/v1/documents/${encodeURIComponent(name)}?${query}`
    const read = await client(owner as TargetName).read(path, { tenantId }, content, {
      timeoutMs: TIMEOUT_MS,
    })
    const bodies =
      form === BUCKETS_FORM
        ? await Promise.all(read.chunks.map(async (it) => (await compress(it)).toString('base64')))
        : chunksOf(read.chunks.join(''), DOCUMENT_CHUNK_BYTES)
    return { version: read.version, sha256: read.digest, form, base: read.base, bodies }
  }

  function bound(): void {
    let chars = 0
    for (const it of kept.values()) chars += it.chars
    for (const [key, it] of kept) {
      if (kept.size <= MAX_KEPT && chars <= MAX_KEPT_CHARS) return
      kept.delete(key)
      chars -= it.chars
    }
  }

  return {
    async get(wanted) {
      const { tenantId, name, version, form, base } = wanted
      const key = JSON.stringify([tenantId, name, version.generation, version.n, form, base])
      const known = kept.get(key)
      if (known) return await known.content
      const entry = { content: ask(wanted), chars: 0 }
      kept.set(key, entry)
      try {
        const found = await entry.content
        entry.chars = found.bodies.reduce((sum, it) => sum + it.length, 0)
        bound()
        return found
      } catch (error) {
        kept.delete(key)
        throw error
      }
    },
  }
}
