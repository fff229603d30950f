/** `/v1/sites`: made here, with a credential for the broker from site-gateway. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery, site, siteCreated, siteInput } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid, notFound, ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv, ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { publishSite } from './documents.ts'
import { livePictures } from './live-picture.ts'
import { documentsOf, findSite, insertSite, listSites } from './queries.ts'
import { listModels, lockModels, publishModels } from './settings-queries.ts'
import { siteResource, siteResources } from './views.ts'

const siteId = z.object({ siteId: z.string() })
const credential = z.object({ username: z.string(), password: z.string() }).meta({ id: 'SiteCredential' })
const siteDocumentStatus = z
  .object({
    name: z.string(),
    /** Newest that was made for this site alone; null for one of the whole tenant. */
    published: z.int().nullable(),
    applied: z.int().nullable(),
    rejected: z.object({ n: z.int(), reason: z.string() }).nullable(),
  })
  .meta({ id: 'SiteDocumentStatus' })

const list = createRoute({
  method: 'get',
  path: '/v1/sites',
  summary: 'Sites, by id',
  request: { query: pageQuery },
  responses: { 200: answers('Sites', page(site)), ...problems },
})
const create = createRoute({
  method: 'post',
  path: '/v1/sites',
  summary: 'Creates a site; the MQTT credential of its controller is told once, here',
  request: { body: jsonBody(siteInput) },
  responses: { 201: answers('The site, with its credential', siteCreated), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/sites/{siteId}',
  summary: 'A site',
  request: { params: siteId },
  responses: { 200: answers('The site', site), ...problems },
})
const renew = createRoute({
  method: 'post',
  path: '/v1/sites/{siteId}/credentials',
  summary: 'A new MQTT credential; the one before stops working',
  request: { params: siteId },
  responses: { 201: answers('The credential', credential), ...problems },
})
const documents = createRoute({
  method: 'get',
  path: '/v1/sites/{siteId}/documents',
  summary: 'Which desired state the site has applied',
  request: { params: siteId },
  responses: { 200: answers('Documents', z.object({ items: z.array(siteDocumentStatus) })), ...problems },
})

export function siteRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, clock, eventLog, bus, config } = context

  /** Asks site-gateway; never inside a transaction. */
  const newCredential = (id: string, { tenantId, actor, requestId, trace }: ServiceVariables) =>
    context
      .client('site-gateway')
      .read(`/v1/credentials/${encodeURIComponent(id)}`, { tenantId, actor, requestId, trace }, credential, {
        method: 'PUT',
        json: {},
      })

  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const after = decodeCursor(cursor, 'text')?.[0]
    const rows = await listSites(sql, c.get('tenantId'), after, limit + 1)
    const { items, next } = pageOf(
      rows,
      limit,
      (row) => row,
      (row) => [row.site_id],
    )
    return c.json({ items: await siteResources(context, items), next }, 200)
  })

  app.openapi(create, async (c) => {
    const { siteId: id, name = id, timeZone, connection } = c.req.valid('json')
    if (!isTimeZone(timeZone)) {
      throw invalid([{ path: 'timeZone', message: 'is no time zone, e.g. "Europe/Berlin"' }])
    }
    // Its credential would be refused, after the site had been made.
    if (id === config.mqtt.username || id === config.mqtt.adminUsername) {
      throw conflict(`${id} is the cloud's own account at the broker; choose another id`)
    }
    const tenantId = c.get('tenantId')
    const trace = c.get('trace')
    const at = new Date(clock.now())
    await sql.begin(async (tx) => {
      if (!(await insertSite(tx, { tenantId, siteId: id, name, timeZone, connection, createdAt: at }))) {
        throw conflict(`There is a site ${id} already`)
      }
      await eventLog.publish(tx, {
        tenantId,
        siteId: id,
        kind: 'site.registered',
        at: at.toISOString(),
        data: { name, timeZone, connection },
        ...(trace === undefined ? {} : { trace }),
      })
      await publishSite(tx, { eventLog, tenantId, siteId: id, at, trace }, { timeZone })
      await lockModels(tx, tenantId)
      if ((await listModels(tx, tenantId, undefined, 1)).length > 0)
        await publishModels(tx, { eventLog, tenantId, at, trace }, [id])
    })
    eventLog.wake()
    const mqtt =
      connection === 'direct'
        ? undefined
        : await newCredential(id, c.var).catch((error: unknown) => {
            throw withoutCredential(id, error)
          })
    const row = await findSite(sql, tenantId, id)
    if (row === undefined) throw notFound(`There is no site ${id}`)
    return c.json({ ...siteResource(row, undefined), ...(mqtt ? { mqtt } : {}) }, 201)
  })

  app.openapi(get, async (c) => {
    const { siteId: id } = c.req.valid('param')
    const row = await findSite(sql, c.get('tenantId'), id)
    if (row === undefined) throw notFound(`There is no site ${id}`)
    return c.json(siteResource(row, (await livePictures(bus, [id])).get(id)), 200)
  })

  app.openapi(renew, async (c) => {
    const { siteId: id } = c.req.valid('param')
    const row = await findSite(sql, c.get('tenantId'), id)
    if (row === undefined) throw notFound(`There is no site ${id}`)
    if (row.connection === 'direct') throw conflict(`Site ${id} is direct: its station has no broker`)
    return c.json(await newCredential(id, c.var), 201)
  })

  app.openapi(documents, async (c) => {
    const { siteId: id } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    if ((await findSite(sql, tenantId, id)) === undefined) throw notFound(`There is no site ${id}`)
    const rows = await documentsOf(sql, tenantId, id)
    const items = rows.map((row) => ({
      name: row.name,
      published: row.published_n,
      applied: row.applied_n,
      rejected: row.rejected_n === null ? null : { n: row.rejected_n, reason: row.rejected_reason ?? '' },
    }))
    return c.json({ items }, 200)
  })
}

/** The site stands all the same, so asking for it again would be a conflict: says what to ask for. */
function withoutCredential(siteId: string, error: unknown): unknown {
  if (!(error instanceof ProblemError)) return error
  const { status, detail } = error.problem
  return new ProblemError(
    status,
    `Site ${siteId} was made, its credential was not (${detail}): ask for it at POST /sites/${siteId}/credentials`,
    {},
    error,
  )
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}
