/**
 * The content of the document `tokens` for site-gateway, which sends it on: what has changed since a version, or the whole
 * where a change does not pay; ready in chunks. Read in one snapshot, so that version, digest and content belong together.
 */
import { createHash } from 'node:crypto'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { type DocumentBody, documentVersion } from '@switchyard/protocol/site/document.ts'
import { BUCKETS_CHUNK_CHARS } from '@switchyard/protocol/site/envelope.ts'
import type { Sql } from 'postgres'
import { notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'

/** A change of more than this share of the whole is sent as the whole: it is simpler, and cures what may be wrong. */
const LARGEST_DELTA_PERCENT = 50

const content = z
  .object({
    version: documentVersion,
    /** Form 0: of the text. Form 1: of the whole that results. */
    digest: z.string(),
    /** The version that it is a change of; null: it is the whole. */
    base: z.int().nullable(),
    /** Form 0: one text. Form 1: texts of `bucketsChunk`. */
    chunks: z.array(z.string()),
  })
  .meta({ id: 'DocumentContent' })
type Content = z.infer<typeof content>

const get = createRoute({
  method: 'get',
  path: '/v1/documents/tokens',
  summary: 'The tokens document, whole or as a change of an earlier version of this generation',
  request: {
    query: z.object({
      form: z.coerce.number().int().min(0).max(1).default(1),
      base: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
    }),
  },
  responses: { 200: answers('The content', content), ...problems },
})

export function tokensContentRoutes(app: OpenAPIHono<ServiceEnv>, { sql }: ServiceContext): void {
  app.openapi(get, async (c) => {
    const { form, base } = c.req.valid('query')
    const found = await contentOf(sql, c.get('tenantId'), form, base)
    if (!found) throw notFound('There is no tokens document yet')
    return c.json(found, 200)
  })
}

async function contentOf(
  sql: Sql,
  tenantId: string,
  form: number,
  base: number | undefined,
): Promise<Content | undefined> {
  return (await sql.begin('isolation level repeatable read read only', async (tx) => {
    const [document] = await tx<{ n: number; sha256: string; generation: string }[]>`
      select n, sha256, generation from driver.document
       where tenant_id = ${tenantId} and generation is not null and sha256 is not null`
    if (!document) return undefined
    const version = { generation: document.generation, n: document.n }
    const since = form === 1 && base !== undefined && base <= version.n ? base : undefined
    const [size] = await tx<{ whole: number; delta: number }[]>`
      select coalesce(sum(length(text)), 0)::bigint as whole,
             coalesce(sum(length(text)) filter (where changed_n > ${since ?? 0}), 0)::bigint as delta
        from driver.published_bucket where tenant_id = ${tenantId}`
    const pays = since !== undefined && size && size.delta * 100 <= size.whole * LARGEST_DELTA_PERCENT
    const rows = await tx<{ bucket: number; text: string }[]>`
      select bucket, text from driver.published_bucket
       where tenant_id = ${tenantId} and ${pays ? tx`changed_n > ${since}` : tx`text <> ''`} order by bucket`
    if (form === 0) {
      const tokens = rows.flatMap((it) => JSON.parse(it.text) as DocumentBody<'tokens'>['tokens'])
      const text = JSON.stringify({ tokens })
      const digest = createHash('sha256').update(text, 'utf8').digest('hex')
      return { version, digest, base: null, chunks: [text] }
    }
    return { version, digest: document.sha256, base: pays ? since : null, chunks: chunksOf(rows) }
  })) as Content | undefined
}

/** At least one chunk, so that an empty document can be sent too. */
function chunksOf(rows: readonly { bucket: number; text: string }[]): string[] {
  const chunks: string[] = []
  let buckets: [number, string][] = []
  let chars = 0
  for (const { bucket, text } of rows) {
    if (buckets.length > 0 && chars + text.length > BUCKETS_CHUNK_CHARS) {
      chunks.push(JSON.stringify({ buckets }))
      buckets = []
      chars = 0
    }
    buckets.push([bucket, text])
    chars += text.length
  }
  return [...chunks, JSON.stringify({ buckets })]
}
