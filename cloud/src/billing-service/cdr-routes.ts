/** `/v1/cdrs` and `/v1/invoices`. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  cdr,
  invoice,
  invoiceLine,
  MAX_LINES_LISTED,
  MAX_LINES_SHOWN,
  page,
  pageQuery,
  signedData,
} from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { cdrResource, listCdrs } from './cdrs.ts'
import { invoiceResources, lineResource, listInvoices, listLines } from './invoices.ts'
import { signedDataOf } from './signed-values.ts'

const cdrs = createRoute({
  method: 'get',
  path: '/v1/cdrs',
  summary: 'Charge detail records, newest first; a credit takes one back',
  request: {
    query: pageQuery.extend({
      sessionId: z.string().optional(),
      siteId: z.string().optional(),
      stationId: z.string().optional(),
      driverId: z.string().optional(),
    }),
  },
  responses: { 200: answers('CDRs', page(cdr)), ...problems },
})
const oneCdr = createRoute({
  method: 'get',
  path: '/v1/cdrs/{cdrId}',
  summary: 'A charge detail record',
  request: { params: z.object({ cdrId: z.string() }) },
  responses: { 200: answers('The CDR', cdr), ...problems },
})
const signedOfCdr = createRoute({
  method: 'get',
  path: '/v1/cdrs/{cdrId}/signed-data',
  summary: 'The signed meter values of its session, byte for byte, and as `signed_data` of OCPI',
  request: { params: z.object({ cdrId: z.string() }) },
  responses: { 200: answers('Signed meter values', signedData), ...problems },
})
const signedOfSession = createRoute({
  method: 'get',
  path: '/v1/sessions/{sessionId}/signed-data',
  summary: 'The signed meter values of a session so far; none for one that is not known',
  request: { params: z.object({ sessionId: z.string() }) },
  responses: { 200: answers('Signed meter values', signedData), ...problems },
})
const invoices = createRoute({
  method: 'get',
  path: '/v1/invoices',
  summary: 'Invoices, newest month first',
  request: {
    query: pageQuery.extend({ driverId: z.string().optional(), period: z.string().max(7).optional() }),
  },
  responses: { 200: answers('Invoices', page(invoice)), ...problems },
})
const oneInvoice = createRoute({
  method: 'get',
  path: '/v1/invoices/{invoiceId}',
  summary: 'An invoice',
  request: { params: z.object({ invoiceId: z.string() }) },
  responses: { 200: answers('The invoice', invoice), ...problems },
})
const lines = createRoute({
  method: 'get',
  path: '/v1/invoices/{invoiceId}/lines',
  summary: 'All lines of an invoice, in the order in which their CDRs were issued',
  request: { params: z.object({ invoiceId: z.string() }), query: pageQuery },
  responses: { 200: answers('Lines', page(invoiceLine)), ...problems },
})

export function cdrRoutes(app: OpenAPIHono<ServiceEnv>, { sql, reports }: ServiceContext): void {
  app.openapi(cdrs, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const after = decodeCursor(cursor, 'instant', 'text')
    const tenantId = c.get('tenantId')
    const rows = await reports.read((db) => listCdrs(db, { tenantId, ...filter, after }, limit + 1))
    return c.json(
      pageOf(rows, limit, cdrResource, (row) => [row.issued_at.toISOString(), row.cdr_id]),
      200,
    )
  })

  app.openapi(oneCdr, async (c) => {
    const { cdrId } = c.req.valid('param')
    const [row] = await listCdrs(sql, { tenantId: c.get('tenantId'), cdrId }, 1)
    if (row === undefined) throw notFound(`There is no CDR ${cdrId}`)
    return c.json(cdrResource(row), 200)
  })

  app.openapi(signedOfCdr, async (c) => {
    const { cdrId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const [row] = await listCdrs(sql, { tenantId, cdrId }, 1)
    if (row === undefined) throw notFound(`There is no CDR ${cdrId}`)
    return c.json(await signedDataOf(sql, tenantId, row.session_id), 200)
  })

  app.openapi(signedOfSession, async (c) =>
    c.json(await signedDataOf(sql, c.get('tenantId'), c.req.valid('param').sessionId), 200),
  )

  app.openapi(invoices, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    const after = decodeCursor(cursor, 'text', 'text')
    // Both from one place: an invoice without the lines of its total would be wrong.
    const shown = await reports.read(async (db) => {
      const rows = await listInvoices(db, { tenantId, ...filter, after }, limit + 1)
      const { items, next } = pageOf(
        rows,
        limit,
        (row) => row,
        (row) => [row.period, row.invoice_id],
      )
      return { items: await invoiceResources(db, tenantId, items, MAX_LINES_LISTED), next }
    })
    return c.json(shown, 200)
  })

  app.openapi(oneInvoice, async (c) => {
    const { invoiceId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const rows = await listInvoices(sql, { tenantId, invoiceId }, 1)
    const [shown] = await invoiceResources(sql, tenantId, rows, MAX_LINES_SHOWN)
    if (shown === undefined) throw notFound(`There is no invoice ${invoiceId}`)
    return c.json(shown, 200)
  })

  app.openapi(lines, async (c) => {
    const { invoiceId } = c.req.valid('param')
    const { limit, cursor } = c.req.valid('query')
    const tenantId = c.get('tenantId')
    const after = decodeCursor(cursor, 'instant', 'text')
    if ((await listInvoices(sql, { tenantId, invoiceId }, 1)).length === 0)
      throw notFound(`There is no invoice ${invoiceId}`)
    const rows = await reports.read((db) => listLines(db, { tenantId, invoiceId, after }, limit + 1))
    return c.json(
      pageOf(rows, limit, lineResource, (row) => [row.issued_at.toISOString(), row.cdr_id]),
      200,
    )
  })
}
