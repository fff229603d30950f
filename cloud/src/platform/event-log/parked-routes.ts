/** For operators: which sites a service's consumers have parked, and how to take them up again. On every service with consumers. */
import type { Hono } from 'hono'
import { z } from 'zod'
import { createServiceApp } from '../http/openapi.ts'
import { invalid, notFound, validationErrors } from '../http/problem.ts'
import type { ServiceContext, TargetName } from '../service.ts'
import { consumeOptions } from './consumer.ts'
import type { Projection } from './entry.ts'
import { replayParked } from './replay.ts'

/** Most parked sites in one answer. */
const MAX_LISTED = 1_000

const replayInput = z.object({ consumer: z.string(), parkKey: z.string().min(1).max(200) })

/** `GET /v1/parked`, `POST /v1/parked/replay {consumer, parkKey}`; undefined for other paths. */
export function createParkedRoutes(
  context: ServiceContext,
  name: TargetName,
  projections: readonly Projection[],
): Hono {
  const { sql, log, config } = context
  const app = createServiceApp({ name, log, serviceKey: config.serviceKey })
  app.get('/v1/parked', async (c) => {
    const rows = await sql<
      { consumer: string; park_key: string; site_id: string | null; reason: string; parked_at: Date }[]
    >`
      select consumer, park_key, site_id, reason, parked_at from log.parked
       where tenant_id = ${c.get('tenantId')} and consumer = any(${projections.map((it) => it.consumer)}::text[])
       order by parked_at limit ${MAX_LISTED}`
    const items = rows.map((it) => ({
      consumer: it.consumer,
      parkKey: it.park_key,
      siteId: it.site_id,
      reason: it.reason,
      parkedAt: it.parked_at.toISOString(),
    }))
    return c.json({ items, next: null })
  })
  app.post('/v1/parked/replay', async (c) => {
    const input = replayInput.safeParse(await c.req.json().catch(() => undefined))
    if (!input.success) throw invalid(validationErrors(input.error))
    const { consumer, parkKey } = input.data
    const projection = projections.find((it) => it.consumer === consumer)
    const [parked] = await sql`
      select 1 from log.parked
       where consumer = ${consumer} and park_key = ${parkKey} and tenant_id = ${c.get('tenantId')}`
    const replayed =
      projection && parked && (await replayParked(consumeOptions(context, projection), parkKey))
    if (!replayed) throw notFound(`${parkKey} is not parked for ${consumer}`)
    context.eventLog.wake()
    return c.json({ applied: replayed.applied, parkedAgain: replayed.parkedAgain ?? null })
  })
  return app as unknown as Hono
}
