/** `/v1/stations`: what they are, and what an operator wants of them. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery, station, stationInput, stationPatch } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid, notFound, ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv, ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { lockSite, publishStations } from './documents.ts'
import { hashPassword } from './password-hash.ts'
import { findSite, listStations, type StationView, wishOfStation } from './queries.ts'
import { stationResources } from './views.ts'

const params = z.object({ stationId: z.string() })

const list = createRoute({
  method: 'get',
  path: '/v1/stations',
  summary: 'Charging stations, by id',
  request: { query: pageQuery.extend({ siteId: z.string().optional() }) },
  responses: { 200: answers('Stations', page(station)), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}',
  summary: 'A charging station',
  request: { params },
  responses: { 200: answers('The station', station), ...problems },
})
const create = createRoute({
  method: 'post',
  path: '/v1/stations',
  summary: 'Registers a station before it connects; it is approved unless said otherwise',
  request: { body: jsonBody(stationInput) },
  responses: { 201: answers('The station', station), ...problems },
})
const patch = createRoute({
  method: 'patch',
  path: '/v1/stations/{stationId}',
  summary: 'Approves a station, sets its password, its plausibility bound or its tariff',
  request: { params, body: jsonBody(stationPatch) },
  responses: { 200: answers('The station', station), ...problems },
})

export function stationRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql } = context

  async function found(tenantId: string, stationId: string): Promise<StationView> {
    const [row] = await listStations(sql, { tenantId, stationId }, 1)
    if (row === undefined) throw notFound(`There is no station ${stationId}`)
    return row
  }
  async function resource(tenantId: string, stationId: string) {
    const [shown] = await stationResources(context, tenantId, [await found(tenantId, stationId)])
    return shown!
  }

  app.openapi(list, async (c) => {
    const { limit, cursor, siteId } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    const afterId = decodeCursor(cursor, 'text')?.[0]
    const rows = await listStations(sql, { tenantId, siteId, afterId }, limit + 1)
    const { items, next } = pageOf(
      rows,
      limit,
      (row) => row,
      (row) => [row.station_id],
    )
    return c.json({ items: await stationResources(context, tenantId, items), next }, 200)
  })

  app.openapi(get, async (c) =>
    c.json(await resource(c.get('tenantId'), c.req.valid('param').stationId), 200),
  )

  app.openapi(create, async (c) => {
    const { stationId, siteId, ...wish } = c.req.valid('json')
    const tenantId = c.get('tenantId')
    if ((await findSite(sql, tenantId, siteId)) === undefined) {
      throw invalid([{ path: 'siteId', message: `There is no site ${siteId}` }])
    }
    const [known] = await listStations(sql, { tenantId, stationId }, 1)
    if (known !== undefined)
      throw conflict(`There is a station ${stationId} already, at site ${known.site_id}`)
    await want(context, c.var, { stationId, siteId }, { approved: true, ...wish })
    return c.json(await resource(tenantId, stationId), 201)
  })

  app.openapi(patch, async (c) => {
    const { stationId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const row = await found(tenantId, stationId)
    await want(context, c.var, { stationId, siteId: row.site_id }, c.req.valid('json'))
    return c.json(await resource(tenantId, stationId), 200)
  })
}

/** Writes what is wanted, and tells the site (document `stations`) and billing (the tariff), in one transaction. */
async function want(
  context: ServiceContext,
  { tenantId, actor, actorName, requestId, trace }: ServiceVariables,
  { stationId, siteId }: { stationId: string; siteId: string },
  patch: z.infer<typeof stationPatch>,
): Promise<void> {
  const { sql, clock, eventLog, random } = context
  const { password, tariffId } = patch
  if (typeof tariffId === 'string')
    await requireTariff(context, { tenantId, actor, actorName, requestId, trace }, tariffId)
  const passwordHash =
    typeof password === 'string' ? await hashPassword(password, (n) => random.bytes(n)) : password
  const at = new Date(clock.now())
  await sql.begin(async (tx) => {
    const { approved, baseline, maxPowerW } = patch
    await lockSite(tx, siteId)
    await wishOfStation(
      tx,
      { tenantId, stationId, siteId, at },
      { approved, passwordHash, baseline, maxPowerW },
    )
    await publishStations(tx, { eventLog, tenantId, siteId, at, trace })
    if (tariffId !== undefined) {
      await eventLog.publish(tx, {
        tenantId,
        siteId,
        stationId,
        kind: 'station.tariff-assigned',
        at: at.toISOString(),
        data: { tariffId },
        ...(trace === undefined ? {} : { trace }),
      })
    }
  })
  eventLog.wake()
}

async function requireTariff(
  context: ServiceContext,
  caller: ServiceVariables,
  tariffId: string,
): Promise<void> {
  try {
    await context
      .client('billing-service')
      .read(`/v1/tariffs/${encodeURIComponent(tariffId)}`, caller, z.object({ id: z.string() }))
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404) {
      throw invalid([{ path: 'tariffId', message: `There is no tariff ${tariffId}` }])
    }
    throw error
  }
}
