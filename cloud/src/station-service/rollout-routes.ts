/** `/v1/rollouts`: firmware, or another way to prove who they are, for many stations, in stages. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  ROLLOUT_STATION_STATES,
  ROLLOUT_STATUSES,
  type RolloutStatus,
  rolloutInput,
  rolloutResume,
  rolloutStation,
  rollout as shape,
} from '@switchyard/protocol/api/rollouts.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import type { TransactionSql } from 'postgres'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { createRollout } from './rollout-create.ts'
import {
  lockRollout,
  type RolloutRow,
  rolloutResources,
  stationResource,
  stationsOfRollout,
} from './rollout-queries.ts'
import { haltAlertId } from './rollouts.ts'

const params = z.object({ rolloutId: z.string().max(64) })
const found = { 200: answers('The roll-out', shape), ...problems }

const create = createRoute({
  method: 'post',
  path: '/v1/rollouts',
  summary: 'Rolls a firmware, passwords, certificates or a security profile out to many stations, in stages',
  description:
    'First one station of each site; when that runs the version, or the change (`kind`) has come to its end, the others of the site, in waves. Stations that are away or in a session are held back. 409: a station is in another roll-out, or the image has not come whole. 422: no or too many stations, or stations that the image is not for.',
  request: { body: jsonBody(rolloutInput) },
  responses: { 201: answers('It runs', shape), ...problems },
})
const list = createRoute({
  method: 'get',
  path: '/v1/rollouts',
  summary: 'Roll-outs, newest first',
  request: { query: pageQuery.extend({ status: z.enum(ROLLOUT_STATUSES).optional() }) },
  responses: { 200: answers('Roll-outs', page(shape)), ...problems },
})
const read = createRoute({
  method: 'get',
  path: '/v1/rollouts/{rolloutId}',
  summary: 'A roll-out, and how many of its stations are how far',
  request: { params },
  responses: found,
})
const stations = createRoute({
  method: 'get',
  path: '/v1/rollouts/{rolloutId}/stations',
  summary: 'The stations of a roll-out, by id, each with its state',
  request: { params, query: pageQuery.extend({ state: z.enum(ROLLOUT_STATION_STATES).optional() }) },
  responses: { 200: answers('Stations', page(rolloutStation)), ...problems },
})
const pause = createRoute({
  method: 'post',
  path: '/v1/rollouts/{rolloutId}/pause',
  summary: 'Tells no further station until it is resumed',
  description: 'Stations that were told go on, and are shown as they do.',
  request: { params },
  responses: found,
})
const resume = createRoute({
  method: 'post',
  path: '/v1/rollouts/{rolloutId}/resume',
  summary: 'Goes on after a pause or a halt',
  description:
    'Stations that have failed so far do not count any more; with `retryFailed` they take their turn again.',
  request: { params, body: { content: { 'application/json': { schema: rolloutResume } } } },
  responses: found,
})
const cancel = createRoute({
  method: 'post',
  path: '/v1/rollouts/{rolloutId}/cancel',
  summary: 'Ends a roll-out: no further station is told',
  description: 'Stations that were told cannot be called back; they are shown as they go on.',
  request: { params },
  responses: found,
})

export function rolloutRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, clock, eventLog, log } = context

  app.openapi(create, async (c) => {
    const caller = { tenantId: c.get('tenantId'), actor: c.get('actor'), trace: c.get('trace') }
    const row = await createRollout(context, caller, c.req.valid('json'))
    const [made] = await rolloutResources(sql, [row])
    return c.json(made!, 201)
  })

  app.openapi(list, async (c) => {
    const { limit, cursor, status } = c.req.valid('query')
    const [at, id] = decodeCursor(cursor, 'instant', 'uuid') ?? []
    const rows = await sql<RolloutRow[]>`
      select * from station.rollout where tenant_id = ${c.get('tenantId')}
         ${status === undefined ? sql`` : sql`and status = ${status}`}
         ${at === undefined ? sql`` : sql`and (created_at, rollout_id) < (${new Date(at)}, ${id!})`}
       order by created_at desc, rollout_id desc limit ${limit + 1}`
    const resources = new Map((await rolloutResources(sql, rows)).map((it) => [it.rolloutId, it]))
    return c.json(
      pageOf(
        rows,
        limit,
        (row) => resources.get(row.rollout_id)!,
        (row) => [row.created_at.toISOString(), row.rollout_id],
      ),
      200,
    )
  })

  async function shown(tenantId: string, rolloutId: string) {
    const [row] = await sql<RolloutRow[]>`
      select * from station.rollout where tenant_id = ${tenantId} and rollout_id = ${rolloutId}`
    if (row === undefined) throw notFound(`There is no roll-out ${rolloutId}`)
    const [resource] = await rolloutResources(sql, [row])
    return resource!
  }
  app.openapi(read, async (c) => c.json(await shown(c.get('tenantId'), c.req.valid('param').rolloutId), 200))

  app.openapi(stations, async (c) => {
    const { rolloutId } = c.req.valid('param')
    const { limit, cursor, state } = c.req.valid('query')
    await shown(c.get('tenantId'), rolloutId)
    const [afterId] = decodeCursor(cursor, 'text') ?? []
    const rows = await stationsOfRollout(sql, { rolloutId, state, afterId, limit: limit + 1 })
    return c.json(
      pageOf(rows, limit, stationResource, (row) => [row.station_id]),
      200,
    )
  })

  /** Changes a roll-out that is in one of these statuses; 409 otherwise. A halt that is over clears its alert. */
  async function decide(
    { tenantId, actor }: { tenantId: string; actor: string },
    rolloutId: string,
    from: readonly RolloutStatus[],
    to: RolloutStatus,
    also: (tx: TransactionSql, row: RolloutRow) => Promise<void> = async () => {},
  ) {
    await sql.begin(async (tx) => {
      const row = await lockRollout(tx, tenantId, rolloutId)
      if (row === undefined) throw notFound(`There is no roll-out ${rolloutId}`)
      if (!from.includes(row.status))
        throw conflict(`The roll-out is ${row.status}, not ${from.join(' or ')}`)
      const at = new Date(clock.now())
      await tx`
        update station.rollout set status = ${to}, reason = null, status_since = ${at}, open = true, look_at = ${at}
         where rollout_id = ${rolloutId}`
      await also(tx, row)
      if (row.status !== 'halted') return
      await eventLog.publish(tx, {
        tenantId,
        siteId: null,
        kind: 'alert.cleared',
        at: at.toISOString(),
        data: { alertId: haltAlertId(rolloutId, row.halts) },
      })
    })
    log.info({ rolloutId, status: to, actor }, 'a roll-out was decided on')
    eventLog.wake()
    return await shown(tenantId, rolloutId)
  }

  app.openapi(pause, async (c) =>
    c.json(await decide(c.var, c.req.valid('param').rolloutId, ['running'], 'paused'), 200),
  )

  app.openapi(resume, async (c) => {
    const { rolloutId } = c.req.valid('param')
    const { retryFailed } = c.req.valid('json')
    const again = async (tx: TransactionSql) => {
      if (retryFailed) await tellAgain(tx, rolloutId)
      await tx`
        update station.rollout set forgiven =
               (select count(*) from station.rollout_station where rollout_id = ${rolloutId} and state = 'failed')
         where rollout_id = ${rolloutId}`
    }
    return c.json(await decide(c.var, rolloutId, ['paused', 'halted'], 'running', again), 200)
  })

  app.openapi(cancel, async (c) => {
    const { rolloutId } = c.req.valid('param')
    const spare = async (tx: TransactionSql) => {
      await tx`
        update station.rollout_station set state = 'cancelled', held_by = null, finished_at = ${new Date(clock.now())}
         where rollout_id = ${rolloutId} and state = 'waiting'`
    }
    const from = ['running', 'paused', 'halted'] as const
    return c.json(await decide(c.var, rolloutId, from, 'cancelled', spare), 200)
  })
}

/** Stations that have failed wait for their turn again; 409 where one has gone over to another roll-out. */
async function tellAgain(tx: TransactionSql, rolloutId: string): Promise<void> {
  const [elsewhere] = await tx<{ station_id: string; rollout_id: string }[]>`
    select o.station_id, o.rollout_id from station.rollout_station r
      join station.rollout_station o using (tenant_id, station_id)
     where r.rollout_id = ${rolloutId} and r.state = 'failed' and o.rollout_id <> ${rolloutId}
       and o.state in ('waiting', 'updating') limit 1`
  if (elsewhere)
    throw conflict(`${elsewhere.station_id} is in another roll-out that is not over: ${elsewhere.rollout_id}`)
  await tx`
    update station.rollout_station set state = 'waiting', held_by = 'turn', reason = null, again_at = null, finished_at = null
     where rollout_id = ${rolloutId} and state = 'failed'`
}
