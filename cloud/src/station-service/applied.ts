/** Waits until sites have what was just published for them: who changes something over the API can build on it in the next request. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { untilProjected } from './until-projected.ts'

/** Longest that a change over the API waits for sites; they take it later then, as those that are away do. */
export const APPLIED_WAIT_MS = 2_000
/** Where a document goes to more sites that are online, nobody waits: one slow link would hold every change up. */
export const MAX_AWAITED_SITES = 100

export interface Published {
  tenantId: string
  /** Absent: it is for all sites of the tenant. */
  siteId?: string | undefined
  name: string
  version: { generation: string; n: number }
}

export interface Standing {
  /** Sites that are online. */
  online: number
  /** Those of them that have neither taken nor refused this version, or a later one. */
  without: number
}

/** Gives how it stood at the end: at once where too many are online. */
export async function awaitApplied(
  context: Pick<ServiceContext, 'sql' | 'bus' | 'clock'>,
  published: Published,
  gone: AbortSignal,
  waitMs = APPLIED_WAIT_MS,
): Promise<Standing> {
  return await untilProjected(
    context,
    { waitMs, gone },
    () => standing(context.sql, published),
    ({ online, without }) => without === 0 || online > MAX_AWAITED_SITES,
  )
}

async function standing(
  sql: Sql,
  { tenantId, siteId, name, version: { generation, n } }: Published,
): Promise<Standing> {
  const [row] = await sql<Standing[]>`
    select count(*)::int as online,
           (count(*) filter (where not coalesce(
             (d.applied_generation = ${generation} and d.applied_n >= ${n}) or d.rejected_n >= ${n}, false)))::int as without
      from station.site s
      left join station.document_at_site d on d.site_id = s.site_id and d.name = ${name}
     where s.tenant_id = ${tenantId} and s.online ${siteId === undefined ? sql`` : sql`and s.site_id = ${siteId}`}`
  return row!
}

/** A document of this service for one site, as it was published last. */
export async function awaitSiteHas(
  context: ServiceContext,
  { tenantId, siteId, name }: { tenantId: string; siteId: string; name: 'site' | 'stations' },
  gone: AbortSignal,
): Promise<void> {
  const [version] = await context.sql<{ generation: string; n: number }[]>`
    select generation, n from station.document
     where site_id = ${siteId} and name = ${name} and tenant_id = ${tenantId} and generation is not null`
  if (version) await awaitApplied(context, { tenantId, siteId, name, version }, gone)
}

const applied = createRoute({
  method: 'get',
  path: '/v1/documents/{name}/applied',
  summary: 'Waits until the sites that are online have a version of a document, for a moment at most',
  request: {
    params: z.object({ name: z.string().min(1).max(64) }),
    query: z.object({
      generation: z.string().max(64),
      n: z.coerce.number().int().min(0).max(2_147_483_647),
      waitMs: z.coerce.number().int().min(0).max(APPLIED_WAIT_MS).default(APPLIED_WAIT_MS),
    }),
  },
  responses: {
    200: answers(
      'How many are online, and how many of them have not; null: too many are online to wait for',
      z.object({ online: z.int(), without: z.int().nullable() }),
    ),
    ...problems,
  },
})

/** For services whose documents go to sites, too. */
export function appliedRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  app.openapi(applied, async (c) => {
    const { name } = c.req.valid('param')
    const { waitMs, ...version } = c.req.valid('query')
    const published = { tenantId: c.get('tenantId'), name, version }
    const { online, without } = await awaitApplied(context, published, c.req.raw.signal, waitMs)
    return c.json({ online, without: online > MAX_AWAITED_SITES ? null : without }, 200)
  })
}
