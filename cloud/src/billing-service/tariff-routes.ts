/** `/v1/tariffs`: in OCPI's form, with where they apply. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery, tariffInput, tariffResource } from '@switchyard/protocol/api/shapes.ts'
import { type Tariff, tariff as tariffShape, unsupportedTerms } from '@switchyard/protocol/pricing/tariff.ts'
import type { Context } from 'hono'
import type { TransactionSql } from 'postgres'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid, notFound, ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv, ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import {
  type Applies,
  addRevision,
  assign,
  currentAssignments,
  listTariffs,
  lockTariffs,
  type Scope,
} from './tariffs.ts'
import { MAX_TARIFFS, markTenant } from './tariffs-document.ts'

type Input = z.infer<typeof tariffInput>
const params = z.object({ tariffId: z.string() })

const list = createRoute({
  method: 'get',
  path: '/v1/tariffs',
  summary: 'Tariffs, by id',
  request: { query: pageQuery },
  responses: { 200: answers('Tariffs', page(tariffResource)), ...problems },
})
const create = createRoute({
  method: 'post',
  path: '/v1/tariffs',
  summary: 'Makes a tariff',
  request: { body: jsonBody(tariffInput) },
  responses: { 201: answers('The tariff', tariffResource), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/tariffs/{tariffId}',
  summary: 'A tariff',
  request: { params },
  responses: { 200: answers('The tariff', tariffResource), ...problems },
})
const put = createRoute({
  method: 'put',
  path: '/v1/tariffs/{tariffId}',
  summary: 'Makes or changes a tariff, for sessions that start from now on',
  description: 'With `appliesTo` it applies there too; it goes on applying where it did.',
  request: { params, body: jsonBody(tariffInput) },
  responses: { 200: answers('The tariff', tariffResource), ...problems },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/tariffs/{tariffId}',
  summary: 'Takes a tariff out of use; what was billed by it stays',
  request: { params },
  responses: { 204: { description: 'Out of use' }, ...problems },
})

/** `changed` is called after every commit that changed what applies. */
export function tariffRoutes(
  app: OpenAPIHono<ServiceEnv>,
  context: ServiceContext,
  changed: () => void,
): void {
  const { sql, clock } = context

  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    const rows = await listTariffs(sql, { tenantId, afterId: decodeCursor(cursor, 'text')?.[0] }, limit + 1)
    const applies = await currentAssignments(sql, tenantId)
    return c.json(
      pageOf(
        rows,
        limit,
        (row) => resource(row.body, applies),
        (row) => [row.tariff_id],
      ),
      200,
    )
  })

  app.openapi(create, async (c) => {
    const input = await read(c)
    const tenantId = c.get('tenantId')
    await write(c.var, input, async (tx) => {
      const known = await listTariffs(tx, { tenantId, tariffId: input.id }, 1)
      if (known.length > 0) throw conflict(`There is a tariff ${input.id} already; change it with PUT`)
    })
    return c.json(await found(tenantId, input.id), 201)
  })

  app.openapi(get, async (c) => c.json(await found(c.get('tenantId'), c.req.valid('param').tariffId), 200))

  app.openapi(put, async (c) => {
    const input = await read(c)
    const { tariffId } = c.req.valid('param')
    if (input.id !== tariffId) throw invalid([{ path: 'id', message: `must be ${tariffId}, as in the path` }])
    await write(c.var, input, async () => {})
    return c.json(await found(c.get('tenantId'), tariffId), 200)
  })

  app.openapi(remove, async (c) => {
    const { tariffId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const validFrom = new Date(clock.now())
    await sql.begin(async (tx) => {
      await lockTariffs(tx, tenantId)
      const [row] = await listTariffs(tx, { tenantId, tariffId }, 1)
      if (row === undefined) throw notFound(`There is no tariff ${tariffId}`)
      await addRevision(tx, tenantId, row.body, validFrom, true)
      for (const a of await currentAssignments(tx, tenantId)) {
        if (a.tariff_id !== tariffId) continue
        const { scope, scope_id: scopeId, site_id: siteId } = a
        await assign(tx, { tenantId, scope, scopeId, siteId, tariffId: null, validFrom, source: null })
      }
      await markTenant(tx, tenantId)
    })
    changed()
    return c.body(null, 204)
  })

  async function found(tenantId: string, tariffId: string) {
    const [row] = await listTariffs(sql, { tenantId, tariffId }, 1)
    if (row === undefined) throw notFound(`There is no tariff ${tariffId}`)
    return resource(row.body, await currentAssignments(sql, tenantId))
  }

  /** The next revision and, where it says so, where it applies. Other services are asked before the transaction. */
  async function write(
    caller: ServiceVariables,
    { appliesTo, ...tariff }: Input,
    check: (tx: TransactionSql) => Promise<void>,
  ): Promise<void> {
    const { tenantId } = caller
    const place = appliesTo && (await placeOf(context, caller, appliesTo))
    const validFrom = new Date(clock.now())
    await sql.begin(async (tx) => {
      await lockTariffs(tx, tenantId)
      await check(tx)
      if ((await listTariffs(tx, { tenantId }, MAX_TARIFFS + 1)).length > MAX_TARIFFS) {
        throw conflict(`There are ${MAX_TARIFFS} tariffs already, the most of a tenant`)
      }
      await addRevision(tx, tenantId, tariff, validFrom)
      if (place) await assign(tx, { tenantId, ...place, tariffId: tariff.id, validFrom, source: null })
      await markTenant(tx, tenantId)
    })
    changed()
  }
}

/** A tariff that asks for what would not be billed is refused, term by term. */
async function read(c: Context<ServiceEnv, string, { out: { json: Input } }>): Promise<Input> {
  const input = c.req.valid('json')
  const unsupported = [...unsupportedTerms(await c.req.json(), ['appliesTo']), ...parkingPrices(input)]
  if (unsupported.length > 0) throw invalid(unsupported)
  return input
}

/** Sessions do not tell yet when charging ended and parking began, so a price for parking would never be billed. */
function parkingPrices({ elements }: Tariff): { path: string; message: string }[] {
  return elements.flatMap((element, i) =>
    element.price_components.flatMap(({ type }, j) =>
      type === 'PARKING_TIME'
        ? [{ path: `elements.${i}.price_components.${j}.type`, message: 'PARKING_TIME is not billed yet' }]
        : [],
    ),
  )
}

interface Place {
  scope: Scope
  scopeId: string
  siteId: string | null
}

async function placeOf(
  context: ServiceContext,
  caller: ServiceVariables,
  appliesTo: NonNullable<Input['appliesTo']>,
): Promise<Place> {
  if ('default' in appliesTo) return { scope: 'default', scopeId: '', siteId: null }
  const stations = context.client('station-service')
  try {
    if ('siteId' in appliesTo) {
      const { siteId } = appliesTo
      await stations.read(`/v1/sites/${encodeURIComponent(siteId)}`, caller, z.object({ siteId: z.string() }))
      return { scope: 'site', scopeId: siteId, siteId }
    }
    const { stationId } = appliesTo
    const path = `/v1/stations/${encodeURIComponent(stationId)}`
    const { siteId } = await stations.read(path, caller, z.object({ siteId: z.string() }))
    return { scope: 'station', scopeId: stationId, siteId }
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404) {
      throw invalid([{ path: 'appliesTo', message: error.problem.detail ?? 'There is none' }])
    }
    throw error
  }
}

/** Where it applies most widely; a tariff may apply to more, as stations name theirs. */
function resource(body: Tariff, applies: readonly Applies[]): z.infer<typeof tariffResource> {
  const tariff = tariffShape.parse(body)
  const order: Scope[] = ['default', 'site', 'station']
  const widest = applies
    .filter((a) => a.tariff_id === tariff.id)
    .sort((a, b) => order.indexOf(a.scope) - order.indexOf(b.scope))[0]
  if (widest === undefined) return tariff
  if (widest.scope === 'default') return { ...tariff, appliesTo: { default: true } }
  if (widest.scope === 'site') return { ...tariff, appliesTo: { siteId: widest.scope_id } }
  return { ...tariff, appliesTo: { stationId: widest.scope_id } }
}
