/** `/v1/tokens`, and `/v1/authorize` for a running question of a site. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery, tokenInput, token as tokenShape } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { invalid } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { listTokens, type TokenRow, type TokenStatus, tokensPresented } from './queries.ts'
import { resource, statusNow, type TokenRead, tokenChanges } from './token-changes.ts'
import type { TokensAtSites } from './tokens-at-sites.ts'
import type { TokensPublisher } from './tokens-document.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/tokens',
  summary: 'Id tokens, by identifier',
  request: { query: pageQuery },
  responses: { 200: answers('Tokens', page(tokenShape)), ...problems },
})
const put = createRoute({
  method: 'post',
  path: '/v1/tokens',
  summary: 'Makes or changes the token with this identifier and type; what is left out stays',
  request: { body: jsonBody(tokenInput) },
  responses: {
    200: answers('Changed', tokenShape),
    201: answers('Made', tokenShape),
    ...problems,
  },
})
/** Most tokens in one import; together they stand or fall. */
const MAX_IMPORT = 5_000
/** Larger imports wait for no site: one of many requests that bring a whole fleet would wait for the document each time. */
const MAX_AWAITED_IMPORT = 100
const importMany = createRoute({
  method: 'post',
  path: '/v1/tokens/import',
  summary: 'Makes or changes many tokens at once, all or none; what is left out of one stays',
  request: {
    body: jsonBody(z.strictObject({ tokens: z.array(tokenInput).min(1).max(MAX_IMPORT) })),
  },
  responses: {
    200: answers('How many', z.object({ made: z.int(), changed: z.int() })),
    ...problems,
  },
})
const authorize = createRoute({
  method: 'get',
  path: '/v1/authorize',
  summary: 'Whether a token may charge now',
  request: {
    query: z.object({ idToken: z.string().min(1).max(255), type: z.string().max(20).optional() }),
  },
  responses: {
    200: answers(
      'The decision',
      z.object({ status: z.enum(['Accepted', 'Blocked', 'Expired', 'Invalid', 'Unknown']) }),
    ),
    ...problems,
  },
})

export function tokenRoutes(
  app: OpenAPIHono<ServiceEnv>,
  { sql, clock, eventLog }: ServiceContext,
  publisher: TokensPublisher,
  atSites: TokensAtSites,
): void {
  const change = tokenChanges({ sql, clock, eventLog }, publisher)
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listTokens(sql, c.get('tenantId'), decodeCursor(cursor, 'text', 'text'), limit + 1)
    const shown = pageOf(
      rows,
      limit,
      (row) => resource(row, clock.now()),
      (row) => [row.id_token_key, row.type],
    )
    return c.json(shown, 200)
  })

  app.openapi(put, async (c) => {
    const input = c.req.valid('json')
    const [row] = await change(c.get('tenantId'), [input], (field) => field)
    await atSites(c.get('tenantId'), c.req.raw.signal)
    return c.json(resource(row!, clock.now()), row!.made ? 201 : 200)
  })

  app.openapi(importMany, async (c) => {
    const { tokens } = c.req.valid('json')
    refuseTwice(tokens)
    const rows = await change(c.get('tenantId'), tokens, (field, i) => `tokens.${i}.${field}`)
    if (tokens.length <= MAX_AWAITED_IMPORT) await atSites(c.get('tenantId'), c.req.raw.signal)
    const made = rows.filter((it) => it.made).length
    return c.json({ made, changed: rows.length - made }, 200)
  })

  app.openapi(authorize, async (c) => {
    const { idToken, type } = c.req.valid('query')
    const rows = await tokensPresented(sql, c.get('tenantId'), idToken, type)
    return c.json({ status: decide(rows, clock.now()) }, 200)
  })
}

/** The same token twice in one import: which of the two is meant? */
function refuseTwice(tokens: readonly TokenRead[]): void {
  const seen = new Map<string, number>()
  tokens.forEach(({ idToken, type }, i) => {
    const key = JSON.stringify([idToken.toUpperCase(), type])
    const first = seen.get(key)
    if (first !== undefined)
      throw invalid([{ path: `tokens.${i}`, message: `is the same token as tokens.${first}` }])
    seen.set(key, i)
  })
}

/** The best of what the identifier stands for: one accepted token is enough. */
function decide(rows: readonly TokenRow[], nowMs: number): TokenStatus | 'Unknown' {
  const statuses = rows.map((row) => statusNow(row, nowMs))
  return statuses.find((s) => s === 'Accepted') ?? statuses[0] ?? 'Unknown'
}
