/** API keys: made, listed, revoked. A key is told once, when it is made. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { GatewayEnv } from './authenticate.ts'
import type { KnownPrincipals } from './known-principals.ts'
import { insertApiKey, listApiKeys, revokeApiKey } from './queries.ts'
import { hashSecret, mintApiKey } from './secrets.ts'

const apiKey = z
  .object({ apiKeyId: z.string(), name: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: 'ApiKey' })
const apiKeyCreated = apiKey.extend({ key: z.string() }).meta({ id: 'ApiKeyCreated' })

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/api-keys',
  summary: 'API keys that are in force',
  request: { query: pageQuery },
  responses: { 200: answers('Keys, oldest first', page(apiKey)), ...problems },
})
const createKeyRoute = createRoute({
  method: 'post',
  path: '/api/v1/api-keys',
  summary: 'Make an API key; it is told only in this answer',
  request: { body: jsonBody(z.strictObject({ name: z.string().min(1).max(100) })) },
  responses: { 201: answers('The key', apiKeyCreated), ...problems },
})
const revokeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/api-keys/{apiKeyId}',
  summary: 'Revoke an API key, at once',
  request: { params: z.object({ apiKeyId: z.string().max(64) }) },
  responses: { 204: { description: 'Revoked' }, ...problems },
})

export function apiKeyRoutes(
  app: OpenAPIHono<GatewayEnv>,
  { sql, clock, random }: ServiceContext,
  known: KnownPrincipals,
): void {
  app.openapi(listRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listApiKeys(sql, c.get('tenantId'), decodeCursor(cursor, 'instant', 'uuid'), limit + 1)
    return c.json(
      pageOf(
        rows,
        limit,
        (row) => ({ apiKeyId: row.api_key_id, name: row.name, createdAt: row.created_at.toISOString() }),
        (row) => [row.created_at.toISOString(), row.api_key_id],
      ),
      200,
    )
  })
  app.openapi(createKeyRoute, async (c) => {
    const { name } = c.req.valid('json')
    const key = mintApiKey(random)
    const id = random.uuid()
    const now = new Date(clock.now())
    await insertApiKey(sql, { id, tenantId: c.get('tenantId'), name, hash: hashSecret(key) }, now)
    return c.json({ apiKeyId: id, name, createdAt: now.toISOString(), key }, 201)
  })
  app.openapi(revokeRoute, async (c) => {
    const { apiKeyId } = c.req.valid('param')
    const hash = await revokeApiKey(sql, c.get('tenantId'), apiKeyId, new Date(clock.now()))
    if (!hash) throw notFound(`No API key ${apiKeyId}`)
    await known.forget(hash)
    return c.body(null, 204)
  })
}
