/** `/v1/stations`: what they are, and what an operator wants of them. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import {
  STATION_ID_PATTERN,
  station,
  stationInput,
  stationPatch,
  stationPut,
} from '@switchyard/protocol/api/stations.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid, ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv, ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { awaitSiteHas } from './applied.ts'
import { leaveDirectSite, takeDirectSite } from './direct-site.ts'
import { lockSite, publishStations } from './documents.ts'
import { foundStation } from './found-station.ts'
import { hashPassword } from './password-hash.ts'
import { findSite, listStations } from './queries.ts'
import { quirksText } from './quirk-wishes.ts'
import { rotationTo } from './rotation.ts'
import { stationResources } from './views.ts'
import { CLEARED, removeStation, type StationWish, wishOfStation } from './wanted.ts'

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
  summary:
    'Approves, holds back or rejects a station, sets its password, lowest security profile, plausibility bound, tariff or quirks, and whether baseline and failsafe are set on it',
  description:
    'What changes holds at once for a running connection: one that would not be let in any more is closed, one that is approved is asked to boot again.',
  request: { params, body: jsonBody(stationPatch) },
  responses: { 200: answers('The station', station), ...problems },
})
const put = createRoute({
  method: 'put',
  path: '/v1/stations/{stationId}',
  summary:
    'Registers a station, or replaces all that is wanted of it but its password, where that is left out',
  request: {
    params: z.object({ stationId: z.string().regex(STATION_ID_PATTERN) }),
    body: jsonBody(stationPut),
  },
  responses: {
    200: answers('Replaced', station),
    201: answers('Registered', station),
    ...problems,
  },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/stations/{stationId}',
  summary: 'Removes a station: its connection is closed, and its site forgets it',
  description:
    'Its sessions, CDRs and invoices stay. A session that still runs ends at its last register. Where onboarding is closed its identity is then refused with 404; else it is new when it comes again.',
  request: { params },
  responses: { 204: { description: 'Removed' }, ...problems },
})

export function stationRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, clock, random, eventLog } = context

  const found = (tenantId: string, stationId: string) => foundStation(sql, tenantId, stationId)
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
    const site = await findSite(sql, tenantId, siteId)
    if (site === undefined) throw invalid([{ path: 'siteId', message: `There is no site ${siteId}` }])
    const [known] = await listStations(sql, { tenantId, stationId }, 1)
    if (known !== undefined)
      throw conflict(`There is a station ${stationId} already, at site ${known.site_id}`)
    // Before anything is known of it: two that ask at once cannot both have it.
    if (site.connection === 'direct')
      await takeDirectSite(sql, { tenantId, siteId, stationId }, wish.password)
    await want(
      context,
      c.var,
      { stationId, siteId },
      { registration: registrationOf(wish, 'accepted'), ...wish },
    )
    await awaitSiteHas(context, { tenantId, siteId, name: 'stations' }, c.req.raw.signal)
    return c.json(await resource(tenantId, stationId), 201)
  })

  app.openapi(put, async (c) => {
    const { stationId } = c.req.valid('param')
    const { siteId, ...wish } = c.req.valid('json')
    const tenantId = c.get('tenantId')
    const site = await findSite(sql, tenantId, siteId)
    if (site === undefined) throw invalid([{ path: 'siteId', message: `There is no site ${siteId}` }])
    const [known] = await listStations(sql, { tenantId, stationId }, 1)
    if (known !== undefined && known.site_id !== siteId)
      throw conflict(`Station ${stationId} is at site ${known.site_id}: remove it there first`)
    if (site.connection === 'direct' && known === undefined)
      await takeDirectSite(sql, { tenantId, siteId, stationId }, wish.password)
    const registration = registrationOf(wish, 'accepted')
    const whole = { ...wish, registration, tariffId: wish.tariffId ?? null }
    await want(context, c.var, { stationId, siteId }, whole, CLEARED)
    await awaitSiteHas(context, { tenantId, siteId, name: 'stations' }, c.req.raw.signal)
    return c.json(await resource(tenantId, stationId), known === undefined ? 201 : 200)
  })

  app.openapi(remove, async (c) => {
    const { stationId } = c.req.valid('param')
    const { tenantId, trace } = c.var
    const { site_id: siteId } = await found(tenantId, stationId)
    const at = new Date(clock.now())
    await sql.begin(async (tx) => {
      await lockSite(tx, siteId)
      await removeStation(tx, { tenantId, stationId, siteId }, random.uuid())
      await leaveDirectSite(tx, { tenantId, stationId })
      await publishStations(tx, { eventLog, tenantId, siteId, at, trace })
    })
    eventLog.wake()
    await awaitSiteHas(context, { tenantId, siteId, name: 'stations' }, c.req.raw.signal)
    return c.body(null, 204)
  })

  app.openapi(patch, async (c) => {
    const { stationId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const row = await found(tenantId, stationId)
    const siteId = row.site_id
    await want(context, c.var, { stationId, siteId }, c.req.valid('json'))
    await awaitSiteHas(context, { tenantId, siteId, name: 'stations' }, c.req.raw.signal)
    return c.json(await resource(tenantId, stationId), 200)
  })
}

type Wish = z.infer<typeof stationPatch>

function registrationOf<D>({ registration, approved }: Wish, otherwise: D) {
  if (approved === undefined) return registration ?? otherwise
  return registration ?? (approved ? 'accepted' : 'pending')
}

/** As columns of the row; `newId` draws what names a reset of the proved profile. */
function wantedOf(wish: Wish, passwordHash: string | null | undefined, newId: () => string): StationWish {
  const registration = registrationOf(wish, undefined)
  return {
    ...(registration === undefined
      ? {}
      : { wanted_approved: registration === 'accepted', wanted_rejected: registration === 'rejected' }),
    // A password that is set stands at once: one that was on its way is not taken any more.
    ...(passwordHash === undefined
      ? {}
      : {
          wanted_password_hash: passwordHash,
          wanted_next_password_hash: null,
          wanted_earlier_password_hashes: null,
          rotation_id: null,
        }),
    ...(wish.minSecurityProfile === undefined ? {} : { wanted_min_profile: wish.minSecurityProfile }),
    ...(wish.resetSecurityProfile ? { wanted_profile_reset: newId() } : {}),
    ...(wish.certificateCn === undefined ? {} : { wanted_certificate_cn: wish.certificateCn }),
    ...(wish.revokedCertificates === undefined
      ? {}
      : { wanted_revoked_certificates: wish.revokedCertificates.map((it) => it.toUpperCase()) }),
    ...(wish.itemsPerMessage === undefined
      ? {}
      : { wanted_items_per_message: wish.itemsPerMessage && JSON.stringify(wish.itemsPerMessage) }),
    ...(wish.baseline === undefined ? {} : { wanted_baseline: wish.baseline }),
    ...(wish.failsafe === undefined ? {} : { wanted_failsafe: wish.failsafe }),
    ...(wish.maxPowerW === undefined ? {} : { wanted_max_power_w: wish.maxPowerW }),
    ...(wish.assignedQuirks === undefined ? {} : { wanted_quirks: quirksText(wish.assignedQuirks) }),
  }
}

/** Writes what is wanted, and tells the site (document `stations`) and billing (the tariff), in one transaction. */
async function want(
  context: ServiceContext,
  { tenantId, actor, actorName, requestId, trace }: ServiceVariables,
  { stationId, siteId }: { stationId: string; siteId: string },
  wish: Wish,
  before: StationWish = {},
): Promise<void> {
  const { sql, clock, eventLog, random } = context
  const { password, tariffId } = wish
  if (typeof tariffId === 'string')
    await requireTariff(context, { tenantId, actor, actorName, requestId, trace }, tariffId)
  const hashOf = async (said: string | null | undefined) =>
    typeof said === 'string' ? await hashPassword(said, (n) => random.bytes(n)) : said
  const [passwordHash, nextHash] = [await hashOf(password), await hashOf(wish.nextPassword)]
  const at = new Date(clock.now())
  await sql.begin(async (tx) => {
    await lockSite(tx, siteId)
    // A password that is set in the same breath stands at once: nothing of before is kept.
    const held = passwordHash === undefined ? { tenantId, stationId } : undefined
    const rotation = nextHash === undefined ? {} : await rotationTo(tx, held, nextHash, random.uuid())
    const wanted = { ...before, ...wantedOf(wish, passwordHash, () => random.uuid()), ...rotation }
    await wishOfStation(tx, { tenantId, stationId, siteId }, wanted, at)
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
