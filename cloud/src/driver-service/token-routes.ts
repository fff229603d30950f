/** `/v1/tokens`, and `/v1/authorize` for a running question of a site. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  page,
  pageQuery,
  type Token,
  tokenInput,
  token as tokenShape,
} from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import {
  knownDrivers,
  listTokens,
  type TokenRow,
  type TokenStatus,
  tokensPresented,
  upsertTokens,
} from './queries.ts'
import { MAX_TOKENS, markChanged, type TokensPublisher } from './tokens-document.ts'

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
): void {
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
    return c.json(resource(row!, clock.now()), row!.made ? 201 : 200)
  })

  app.openapi(importMany, async (c) => {
    const { tokens } = c.req.valid('json')
    refuseTwice(tokens)
    const rows = await change(c.get('tenantId'), tokens, (field, i) => `tokens.${i}.${field}`)
    const made = rows.filter((it) => it.made).length
    return c.json({ made, changed: rows.length - made }, 200)
  })

  /** One transaction: all of them, or none. `path` names a field of the i-th in an error. */
  async function change(
    tenantId: string,
    tokens: readonly TokenRead[],
    path: (field: string, i: number) => string,
  ): Promise<(TokenRow & { made: boolean })[]> {
    const named = [...new Set(tokens.flatMap((it) => it.driverId ?? []))]
    const known = named.length === 0 ? new Set() : await knownDrivers(sql, tenantId, named)
    const unknown = tokens.findIndex((it) => typeof it.driverId === 'string' && !known.has(it.driverId))
    if (unknown >= 0) {
      const message = `There is no driver ${tokens[unknown]?.driverId}`
      throw invalid([{ path: path('driverId', unknown), message }])
    }
    const at = new Date(clock.now())
    const upserts = tokens.map(({ idToken, type, expiresAt, groupId, driverId, ...said }) => ({
      idToken,
      type,
      status: statusOf(said),
      expiresAt,
      groupId,
      driverId,
    }))
    const rows = (await sql.begin(async (tx) => {
      const rows = await upsertTokens(tx, tenantId, upserts, at)
      const made = rows.filter((it) => it.made).length
      const idTokens = tokens.map((it) => it.idToken)
      if ((await markChanged(tx, tenantId, idTokens, made)) > MAX_TOKENS && made > 0)
        throw conflict(`There are ${MAX_TOKENS} tokens at most, as many as a site can hold`)
      await eventLog.publishAll(
        tx,
        rows.map((row) => ({
          tenantId,
          siteId: null,
          kind: 'token.changed' as const,
          at: at.toISOString(),
          data: { idToken: row.id_token, type: row.type, status: row.status, driverId: row.driver_id },
        })),
      )
      return rows
    })) as (TokenRow & { made: boolean })[]
    eventLog.wake()
    publisher.changed()
    return rows
  }

  app.openapi(authorize, async (c) => {
    const { idToken, type } = c.req.valid('query')
    const rows = await tokensPresented(sql, c.get('tenantId'), idToken, type)
    return c.json({ status: decide(rows, clock.now()) }, 200)
  })
}

type TokenRead = z.infer<typeof tokenInput>

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

/** `valid: false` blocks; a status that is given says it more exactly. Undefined: neither was said. */
function statusOf({ status, valid }: Pick<TokenRead, 'status' | 'valid'>): TokenStatus | undefined {
  return status ?? (valid === undefined ? undefined : valid ? 'Accepted' : 'Blocked')
}

/** The best of what the identifier stands for: one accepted token is enough. */
function decide(rows: readonly TokenRow[], nowMs: number): TokenStatus | 'Unknown' {
  const statuses = rows.map((row) => statusNow(row, nowMs))
  return statuses.find((s) => s === 'Accepted') ?? statuses[0] ?? 'Unknown'
}

function statusNow(row: TokenRow, nowMs: number): TokenStatus {
  const over = row.expires_at !== null && row.expires_at.getTime() <= nowMs
  return row.status === 'Accepted' && over ? 'Expired' : row.status
}

function resource(row: TokenRow, nowMs: number): Token {
  const status = statusNow(row, nowMs)
  return {
    idToken: row.id_token,
    type: row.type,
    valid: status === 'Accepted',
    status,
    expiresAt: row.expires_at?.toISOString() ?? null,
    groupId: row.group_id,
    driverId: row.driver_id,
  }
}
