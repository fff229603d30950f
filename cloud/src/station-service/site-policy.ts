/**
 * `PATCH /v1/sites/{siteId}`: what an operator wants of a site: whether energy that nobody identified for is billed there, and whether
 * baseline and failsafe are set on its stations.
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { site, sitePatch } from '@switchyard/protocol/api/shapes.ts'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { lockSite, publishSite } from './documents.ts'
import { findSite, type SiteRow } from './queries.ts'
import { siteResources } from './views.ts'

const patch = createRoute({
  method: 'patch',
  path: '/v1/sites/{siteId}',
  summary: 'Changes a site',
  request: { params: z.object({ siteId: z.string() }), body: jsonBody(sitePatch) },
  responses: { 200: answers('The site', site), ...problems },
})

export function sitePolicyRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, clock, eventLog } = context

  app.openapi(patch, async (c) => {
    const { siteId } = c.req.valid('param')
    const { unidentifiedEnergy, baseline, failsafe } = c.req.valid('json')
    const { tenantId, trace } = c.var
    const at = new Date(clock.now())
    await sql.begin(async (tx) => {
      await lockSite(tx, siteId)
      const row = await findSite(tx, tenantId, siteId)
      if (row === undefined) throw notFound(`There is no site ${siteId}`)
      const wanted = {
        wanted_baseline: baseline === undefined ? row.wanted_baseline : baseline,
        wanted_failsafe: failsafe === undefined ? row.wanted_failsafe : failsafe,
      }
      await tx`update station.site set ${tx(wanted)} where tenant_id = ${tenantId} and site_id = ${siteId}`
      if (baseline !== undefined || failsafe !== undefined)
        await publishSite(tx, { eventLog, tenantId, siteId, at, trace }, siteBody(row.time_zone, wanted))
      if (unidentifiedEnergy === undefined || row.unidentified_energy === unidentifiedEnergy) return
      await tx`
        update station.site set unidentified_energy = ${unidentifiedEnergy}
        where tenant_id = ${tenantId} and site_id = ${siteId}`
      await eventLog.publish(tx, {
        tenantId,
        siteId,
        kind: 'site.policy',
        at: at.toISOString(),
        data: { unidentifiedEnergy },
      })
    })
    eventLog.wake()
    const row = await findSite(sql, tenantId, siteId)
    if (row === undefined) throw notFound(`There is no site ${siteId}`)
    const [shown] = await siteResources(context, [row])
    return c.json(shown!, 200)
  })
}

function siteBody(
  timeZone: string,
  { wanted_baseline, wanted_failsafe }: Pick<SiteRow, 'wanted_baseline' | 'wanted_failsafe'>,
): DocumentBody<'site'> {
  return {
    timeZone,
    ...(wanted_baseline === null ? {} : { baseline: wanted_baseline }),
    ...(wanted_failsafe === null ? {} : { failsafe: wanted_failsafe }),
  }
}
