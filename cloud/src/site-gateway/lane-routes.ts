/** `/v1/sites/{siteId}/lanes`: the journals of a site, and which of them speaks for it. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { siteLane } from '@switchyard/protocol/api/shapes.ts'
import { instant } from '@switchyard/protocol/instant.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { giveAuthority } from './authority.ts'
import type { Send } from './down.ts'
import { listLanes } from './lanes.ts'

/** Most lanes that are shown; a box that is reflashed again and again leaves one each time. */
const MAX_LANES = 100

const lanes = z.object({ items: z.array(siteLane), next: z.null() })

const list = createRoute({
  method: 'get',
  path: '/v1/sites/{siteId}/lanes',
  summary: 'The journals of a site: the one with authority first, then by their newest hello',
  request: { params: z.object({ siteId: z.string() }) },
  responses: { 200: answers('Lanes', lanes), ...problems },
})
const give = createRoute({
  method: 'post',
  path: '/v1/sites/{siteId}/lanes/{journalId}/authority',
  summary:
    'This journal speaks for the site from now on, all others are fenced; alerts about the question are settled',
  request: { params: z.object({ siteId: z.string(), journalId: z.string() }) },
  responses: { 200: answers('The lanes as they are now', lanes), ...problems },
})

export function laneRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext, send: Send): void {
  async function lanesOf(tenantId: string, siteId: string): Promise<z.infer<typeof lanes>> {
    const [known] = await context.sql`
      select 1 from site_gateway.site where site_id = ${siteId} and tenant_id = ${tenantId}`
    if (!known) throw notFound(`site ${siteId} is not known here`)
    const rows = await listLanes(context.sql, tenantId, siteId, MAX_LANES)
    const items = rows.map((it) => ({
      journalId: it.journalId,
      authority: it.authority,
      epoch: it.epoch,
      controllerVersion: it.controllerVersion,
      forkedFrom: it.forkedFrom,
      firstHelloAt: instant(it.firstHelloMs),
      helloAt: instant(it.helloMs),
      ledgerSeq: it.ledgerSeq,
    }))
    return { items, next: null }
  }

  app.openapi(list, async (c) => c.json(await lanesOf(c.get('tenantId'), c.req.valid('param').siteId), 200))

  app.openapi(give, async (c) => {
    const { siteId, journalId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    await giveAuthority(context, send, {
      tenantId,
      siteId,
      journalId,
      by: c.get('actor'),
      trace: c.get('trace'),
    })
    return c.json(await lanesOf(tenantId, siteId), 200)
  })
}
