/**
 * `PATCH /v1/sites/{siteId}`: what an operator wants of a site: whether energy that nobody identified for is billed there, whether
 * baseline and failsafe are set on its stations, whether those are told what sessions cost, and how it decides who may charge beyond its tokens.
 */
import { X509Certificate } from 'node:crypto'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { site, sitePatch } from '@switchyard/protocol/api/shapes.ts'
import type { AuthorizationPolicy, DocumentBody } from '@switchyard/protocol/site/document.ts'
import { invalid, notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { awaitSiteHas } from './applied.ts'
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
    const { unidentifiedEnergy, baseline, failsafe, runningCost, authorization } = c.req.valid('json')
    requireCas('contractRoots', authorization?.contractRoots ?? [])
    requireCas('statusIssuers', authorization?.statusIssuers ?? [])
    const { tenantId, trace } = c.var
    const at = new Date(clock.now())
    await sql.begin(async (tx) => {
      await lockSite(tx, siteId)
      const row = await findSite(tx, tenantId, siteId)
      if (row === undefined) throw notFound(`There is no site ${siteId}`)
      const wanted = {
        wanted_baseline: baseline === undefined ? row.wanted_baseline : baseline,
        wanted_failsafe: failsafe === undefined ? row.wanted_failsafe : failsafe,
        wanted_running_cost: runningCost === undefined ? row.wanted_running_cost : runningCost,
        wanted_authorization:
          authorization === undefined
            ? row.wanted_authorization
            : authorization && JSON.stringify(authorization),
      }
      await tx`update station.site set ${tx(wanted)} where tenant_id = ${tenantId} and site_id = ${siteId}`
      if ([baseline, failsafe, runningCost, authorization].some((it) => it !== undefined))
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
    await awaitSiteHas(context, { tenantId, siteId, name: 'site' }, c.req.raw.signal)
    const row = await findSite(sql, tenantId, siteId)
    if (row === undefined) throw notFound(`There is no site ${siteId}`)
    const [shown] = await siteResources(context, [row])
    return c.json(shown!, 200)
  })
}

function siteBody(timeZone: string, wanted: Wanted): DocumentBody<'site'> {
  const { wanted_baseline, wanted_failsafe, wanted_running_cost, wanted_authorization } = wanted
  return {
    timeZone,
    ...(wanted_baseline === null ? {} : { baseline: wanted_baseline }),
    ...(wanted_failsafe === null ? {} : { failsafe: wanted_failsafe }),
    ...(wanted_running_cost === null ? {} : { runningCost: wanted_running_cost }),
    ...(wanted_authorization === null ? {} : { authorization: JSON.parse(wanted_authorization) }),
  }
}

type Wanted = Pick<
  SiteRow,
  'wanted_baseline' | 'wanted_failsafe' | 'wanted_running_cost' | 'wanted_authorization'
>

/** A site that was given what is no certificate would judge every contract as one of no known root. */
function requireCas(field: keyof AuthorizationPolicy, pems: readonly string[]): void {
  const errors = pems.flatMap((pem, i) => {
    const path = `authorization.${field}.${i}`
    try {
      return new X509Certificate(pem).ca ? [] : [{ path, message: 'is no certificate of a CA' }]
    } catch {
      return [{ path, message: 'is no PEM certificate' }]
    }
  })
  if (errors.length > 0) throw invalid(errors)
}
