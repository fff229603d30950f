/** `/v1/tokens/{idToken}`: one token read, replaced, changed and removed. Sites hear of it at once, those away when they are back. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { tokenInput, tokenPatch, tokenPut, token as tokenShape } from '@switchyard/protocol/api/shapes.ts'
import { conflict, invalid, notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { deleteToken, type TokenRow, tokensNamed } from './queries.ts'
import { resource, tokenChanges } from './token-changes.ts'
import type { TokensAtSites } from './tokens-at-sites.ts'
import { markChanged, type TokensPublisher } from './tokens-document.ts'

const path = '/v1/tokens/{idToken}'
const params = z.object({ idToken: z.string().min(1).max(255) })
/** Left out: the one token with this identifier, of whatever type. */
const query = z.object({ type: z.string().min(1).max(20).optional() })

const get = createRoute({
  method: 'get',
  path,
  summary: 'An id token',
  request: { params, query },
  responses: { 200: answers('The token', tokenShape), ...problems },
})
const put = createRoute({
  method: 'put',
  path,
  summary:
    'Makes a token or replaces it: accepted, without expiry, group or driver where nothing else is said',
  request: { params, query, body: jsonBody(tokenPut) },
  responses: { 200: answers('Replaced', tokenShape), 201: answers('Made', tokenShape), ...problems },
})
const patch = createRoute({
  method: 'patch',
  path,
  summary: 'Changes a token: blocks it, gives it an expiry or a group; what is left out stays',
  request: { params, query, body: jsonBody(tokenPatch) },
  responses: { 200: answers('Changed', tokenShape), ...problems },
})
const remove = createRoute({
  method: 'delete',
  path,
  summary: 'Removes a token: it is unknown from then on; its sessions and bills stay',
  request: { params, query },
  responses: { 204: { description: 'Removed' }, ...problems },
})

export function tokenByIdRoutes(
  app: OpenAPIHono<ServiceEnv>,
  { sql, clock, eventLog }: ServiceContext,
  publisher: TokensPublisher,
  atSites: TokensAtSites,
): void {
  const change = tokenChanges({ sql, clock, eventLog }, publisher)

  /** The token meant; undefined when there is none. */
  async function meant(tenantId: string, idToken: string, type: string | undefined) {
    const rows = await tokensNamed(sql, tenantId, idToken, type)
    if (rows.length > 1)
      throw conflict(`Say which type of ${idToken}: ${rows.map((it) => it.type).join(', ')}`)
    return rows[0]
  }
  async function found(tenantId: string, idToken: string, type: string | undefined): Promise<TokenRow> {
    const row = await meant(tenantId, idToken, type)
    if (row === undefined)
      throw notFound(`There is no token ${idToken}${type === undefined ? '' : ` of type ${type}`}`)
    return row
  }

  app.openapi(get, async (c) => {
    const row = await found(c.get('tenantId'), c.req.valid('param').idToken, c.req.valid('query').type)
    return c.json(resource(row, clock.now()), 200)
  })

  app.openapi(put, async (c) => {
    const { idToken } = c.req.valid('param')
    const { type: typeSaid, ...said } = c.req.valid('json')
    const type = c.req.valid('query').type ?? typeSaid
    if (typeSaid !== undefined && typeSaid !== type)
      throw invalid([{ path: 'type', message: `contradicts the query, which says ${type}` }])
    const tenantId = c.get('tenantId')
    const before = await meant(tenantId, idToken, type)
    const isSaid = said.status !== undefined || said.valid !== undefined
    const whole = tokenInput.parse({
      expiresAt: null,
      groupId: null,
      driverId: null,
      chargingPriority: null,
      language: null,
      personalMessage: null,
      ...(isSaid ? {} : { valid: true }),
      ...said,
      idToken,
      type: type ?? before?.type,
    })
    const [row] = await change(tenantId, [whole], (field) => field)
    await atSites(tenantId, c.req.raw.signal)
    return c.json(resource(row!, clock.now()), row!.made ? 201 : 200)
  })

  app.openapi(patch, async (c) => {
    const tenantId = c.get('tenantId')
    const before = await found(tenantId, c.req.valid('param').idToken, c.req.valid('query').type)
    const changed = { ...c.req.valid('json'), idToken: before.id_token, type: before.type }
    const [row] = await change(tenantId, [changed], (field) => field)
    await atSites(tenantId, c.req.raw.signal)
    return c.json(resource(row!, clock.now()), 200)
  })

  app.openapi(remove, async (c) => {
    const tenantId = c.get('tenantId')
    const row = await found(tenantId, c.req.valid('param').idToken, c.req.valid('query').type)
    await sql.begin(async (tx) => {
      if (!(await deleteToken(tx, tenantId, row))) return
      await markChanged(tx, tenantId, [row.id_token], -1)
      // Whose it was stays known to billing: sessions of it may still be on their way.
      const { id_token: idToken, type, driver_id: driverId } = row
      await eventLog.publish(tx, {
        tenantId,
        siteId: null,
        kind: 'token.changed',
        at: new Date(clock.now()).toISOString(),
        data: { idToken, type, status: 'Removed', driverId },
      })
    })
    eventLog.wake()
    publisher.changed()
    await atSites(tenantId, c.req.raw.signal)
    return c.body(null, 204)
  })
}
