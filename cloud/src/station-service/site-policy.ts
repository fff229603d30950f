/** `PATCH /v1/sites/{siteId}`: what an operator wants of a site. Now: whether energy that nobody identified for is billed there. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { site, sitePatch } from '@switchyard/protocol/api/shapes.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { lockSite } from './documents.ts'
import { findSite } from './queries.ts'
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
    const { unidentifiedEnergy } = c.req.valid('json')
    const tenantId = c.get('tenantId')
    const at = new Date(clock.now()).toISOString()
    await sql.begin(async (tx) => {
      await lockSite(tx, siteId)
      const row = await findSite(tx, tenantId, siteId)
      if (row === undefined) throw notFound(`There is no site ${siteId}`)
      if (unidentifiedEnergy === undefined || row.unidentified_energy === unidentifiedEnergy) return
      await tx`
        update station.site set unidentified_energy = ${unidentifiedEnergy}
        where tenant_id = ${tenantId} and site_id = ${siteId}`
      await eventLog.publish(tx, { tenantId, siteId, kind: 'site.policy', at, data: { unidentifiedEnergy } })
    })
    eventLog.wake()
    const row = await findSite(sql, tenantId, siteId)
    if (row === undefined) throw notFound(`There is no site ${siteId}`)
    const [shown] = await siteResources(context, [row])
    return c.json(shown!, 200)
  })
}
