/** `/v1/reviews`: sessions that are not billed blindly, and what a person decides of them. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  type ReviewDetail,
  review,
  reviewAcceptInput,
  reviewCorrectInput,
  reviewDetail,
  reviewWaiveInput,
} from '@switchyard/protocol/api/reviews.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv, ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { valuesOf } from './review-correct.ts'
import { acceptReview, correctReview, waiveReview } from './review-decide.ts'
import { evidenceOf, previewOf } from './review-evidence.ts'
import { findReview, listReviews, settlementsOf } from './review-queries.ts'
import { reviewResource, settlementResource } from './review-views.ts'

const reviewId = z.object({ reviewId: z.string() })
const settled = answers('The review, settled', reviewDetail)

const list = createRoute({
  method: 'get',
  path: '/v1/reviews',
  summary:
    'Sessions that wait for a person, longest first; with status=settled those that were settled, newest first',
  request: {
    query: pageQuery.extend({
      status: z.enum(['open', 'settled']).optional(),
      siteId: z.string().optional(),
      stationId: z.string().optional(),
      reason: z.string().max(64).optional(),
    }),
  },
  responses: { 200: answers('Reviews', page(review)), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/reviews/{reviewId}',
  summary: 'A session in review, with its evidence and what was decided',
  request: { params: reviewId },
  responses: { 200: answers('The review', reviewDetail), ...problems },
})
const accept = createRoute({
  method: 'post',
  path: '/v1/reviews/{reviewId}/accept',
  summary: 'Bills the session as its site told it',
  request: { params: reviewId, body: jsonBody(reviewAcceptInput) },
  responses: { 200: settled, ...problems },
})
const correct = createRoute({
  method: 'post',
  path: '/v1/reviews/{reviewId}/correct',
  summary: 'Bills the session with corrected registers, times or identity',
  request: { params: reviewId, body: jsonBody(reviewCorrectInput) },
  responses: { 200: settled, ...problems },
})
const waive = createRoute({
  method: 'post',
  path: '/v1/reviews/{reviewId}/waive',
  summary: 'Bills nothing for the session; a bill that it has is credited',
  request: { params: reviewId, body: jsonBody(reviewWaiveInput) },
  responses: { 200: settled, ...problems },
})

export function reviewRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql } = context

  async function detail(id: string, caller: ServiceVariables): Promise<ReviewDetail> {
    const row = await findReview(sql, caller.tenantId, id)
    if (row === undefined) throw notFound(`There is no review of a session ${id}`)
    const settlements = await settlementsOf(sql, caller.tenantId, [id])
    const proposed = await previewOf(context, caller, row, valuesOf(row.ended))
    return {
      ...reviewResource(row, settlements),
      settlements: settlements.map(settlementResource),
      evidence: await evidenceOf(context, row, proposed),
    }
  }

  app.openapi(list, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    const after = decodeCursor(cursor, 'instant', 'text')
    const rows = await listReviews(sql, { tenantId, ...filter, after }, limit + 1)
    const settlements = await settlementsOf(
      sql,
      tenantId,
      rows.map((row) => row.session_id),
    )
    return c.json(
      pageOf(
        rows,
        limit,
        (row) =>
          reviewResource(
            row,
            settlements.filter((it) => it.session_id === row.session_id),
          ),
        (row) => [
          ((filter.status === 'settled' && row.settled_at) || row.opened_at).toISOString(),
          row.session_id,
        ],
      ),
      200,
    )
  })

  app.openapi(get, async (c) => c.json(await detail(c.req.valid('param').reviewId, c.var), 200))

  app.openapi(accept, async (c) => {
    const id = c.req.valid('param').reviewId
    await acceptReview(context, c.var, id, c.req.valid('json'))
    return c.json(await detail(id, c.var), 200)
  })
  app.openapi(correct, async (c) => {
    const id = c.req.valid('param').reviewId
    await correctReview(context, c.var, id, c.req.valid('json'))
    return c.json(await detail(id, c.var), 200)
  })
  app.openapi(waive, async (c) => {
    const id = c.req.valid('param').reviewId
    await waiveReview(context, c.var, id, c.req.valid('json'))
    return c.json(await detail(id, c.var), 200)
  })
}
