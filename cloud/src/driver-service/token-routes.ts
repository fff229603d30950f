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
  countTokens,
  findDriver,
  findToken,
  listTokens,
  type TokenRow,
  type TokenStatus,
  tokensPresented,
  upsertToken,
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
    const tenantId = c.get('tenantId')
    const { idToken, type, driverId, expiresAt, groupId } = input
    const status = statusOf(input)
    if (typeof driverId === 'string' && (await findDriver(sql, tenantId, driverId)) === undefined) {
      throw invalid([{ path: 'driverId', message: `There is no driver ${driverId}` }])
    }
    const at = new Date(clock.now())
    const { row, made } = await sql.begin(async (tx) => {
      const made = (await findToken(tx, tenantId, idToken, type)) === undefined
      if (made && (await countTokens(tx, tenantId)) >= MAX_TOKENS) {
        throw conflict(`There are ${MAX_TOKENS} tokens already, the most that a site can hold`)
      }
      const row = await upsertToken(tx, { tenantId, idToken, type, status, expiresAt, groupId, driverId, at })
      await markChanged(tx, tenantId)
      await eventLog.publish(tx, {
        tenantId,
        siteId: null,
        kind: 'token.changed',
        at: at.toISOString(),
        data: { idToken: row.id_token, type: row.type, status: row.status, driverId: row.driver_id },
      })
      return { row, made }
    })
    eventLog.wake()
    publisher.changed()
    return c.json(resource(row, clock.now()), made ? 201 : 200)
  })

  app.openapi(authorize, async (c) => {
    const { idToken, type } = c.req.valid('query')
    const rows = await tokensPresented(sql, c.get('tenantId'), idToken, type)
    return c.json({ status: decide(rows, clock.now()) }, 200)
  })
}

/** `valid: false` blocks; a status that is given says it more exactly. Undefined: neither was said. */
function statusOf({ status, valid }: z.infer<typeof tokenInput>): TokenStatus | undefined {
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
