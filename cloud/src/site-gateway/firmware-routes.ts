/** `/v1/firmware`: images that an operator brings, in pieces; `/site/{siteId}/firmware`: where sites fetch them, in pieces. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { firmware, firmwareInput } from '@switchyard/protocol/api/firmware.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { type FirmwareMeta, PIECE_BYTES, uploadProgress } from '@switchyard/protocol/site/file.ts'
import type { Sql } from 'postgres'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { type FileRow, type FileTables, pieceAt, takePiece, wholeOrAgain } from './pieces.ts'
import { signedIn } from './site-sign-in.ts'

/** Images of one tenant; another one is refused until one is removed. */
export const MAX_IMAGES = 100

const FIRMWARE: FileTables = { file: 'site_gateway.firmware', piece: 'site_gateway.firmware_piece' }
interface FirmwareRow extends FileRow {
  vendor: string
  model: string | null
  version: string
  signature: string | null
  signing_certificate: string | null
  created_at: Date
}

const param = z.object({ firmwareId: z.string().max(64) })
const create = createRoute({
  method: 'post',
  path: '/v1/firmware',
  summary: 'Announces an image; its content follows in pieces',
  request: { body: jsonBody(firmwareInput) },
  responses: { 201: answers('Announced', firmware), ...problems },
})
const list = createRoute({
  method: 'get',
  path: '/v1/firmware',
  summary: 'Firmware images, newest first',
  request: { query: pageQuery },
  responses: { 200: answers('Images', page(firmware)), ...problems },
})
const read = createRoute({
  method: 'get',
  path: '/v1/firmware/{firmwareId}',
  summary: 'An image, and how much of it has come',
  request: { params: param },
  responses: { 200: answers('The image', firmware), ...problems },
})
const piece = createRoute({
  method: 'put',
  path: '/v1/firmware/{firmwareId}/content/{offset}',
  summary: `A piece of an image, raw: ${PIECE_BYTES} bytes, the last one what is left; one that is there already changes nothing`,
  request: { params: param.extend({ offset: z.coerce.number().int().min(0) }) },
  responses: { 200: answers('How much has come', uploadProgress), ...problems },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/firmware/{firmwareId}',
  summary: 'Removes an image; sites that have fetched it keep theirs until no station needs it',
  request: { params: param },
  responses: { 204: { description: 'Removed' }, ...problems },
})

export function firmwareRoutes(
  app: OpenAPIHono<ServiceEnv>,
  { sql, clock, random }: Pick<ServiceContext, 'sql' | 'clock' | 'random'>,
): void {
  app.openapi(create, async (c) => {
    const tenantId = c.get('tenantId')
    const input = c.req.valid('json')
    const [row] = await sql<FirmwareRow[]>`
      insert into site_gateway.firmware (file_id, tenant_id, vendor, model, version, bytes, sha256, signature,
                                         signing_certificate, created_at)
      select ${random.uuid()}, ${tenantId}, ${input.vendor}, ${input.model ?? null}, ${input.version}, ${input.bytes}::bigint,
             ${input.sha256}, ${input.signature ?? null}, ${input.signingCertificate ?? null}, ${new Date(clock.now())}::timestamptz
       where (select count(*) from site_gateway.firmware where tenant_id = ${tenantId}) < ${MAX_IMAGES}
      returning *`
    if (!row) throw conflict(`There are ${MAX_IMAGES} images already: remove one first`)
    return c.json(resource(row), 201)
  })

  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const [at, id] = decodeCursor(cursor, 'instant', 'uuid') ?? []
    const rows = await sql<FirmwareRow[]>`
      select * from site_gateway.firmware where tenant_id = ${c.get('tenantId')}
         ${at === undefined ? sql`` : sql`and (created_at, file_id) < (${new Date(at)}, ${id!})`}
       order by created_at desc, file_id desc limit ${limit + 1}`
    return c.json(
      pageOf(rows, limit, resource, (row) => [row.created_at.toISOString(), row.file_id]),
      200,
    )
  })

  app.openapi(read, async (c) =>
    c.json(resource(await imageOf(sql, c.get('tenantId'), c.req.valid('param').firmwareId)), 200),
  )

  app.openapi(piece, async (c) => {
    const { firmwareId, offset } = c.req.valid('param')
    const body = Buffer.from(await c.req.arrayBuffer())
    const progress = await sql.begin(async (given) => {
      const tx = given as unknown as Sql
      const row = await imageOf(tx, c.get('tenantId'), firmwareId, 'locked')
      return takePiece(tx, FIRMWARE, row, offset, body)
    })
    return c.json(wholeOrAgain(firmwareId, progress), 200)
  })

  app.openapi(remove, async (c) => {
    const { firmwareId } = c.req.valid('param')
    const gone = await sql`
      delete from site_gateway.firmware
       where tenant_id = ${c.get('tenantId')} and file_id = ${firmwareId} returning 1`
    if (gone.length === 0) throw notFound(`There is no firmware ${firmwareId}`)
    return c.body(null, 204)
  })

  // For sites: outside of the API.
  app.get('/site/:siteId/firmware/:fileId', async (c) => {
    const { tenantId, fileId } = await signedIn(sql, c)
    const row = await imageOf(sql, tenantId, fileId)
    if (!row.complete) throw conflict(`firmware ${fileId} has not come whole yet`)
    const meta: FirmwareMeta = {
      bytes: Number(row.bytes),
      sha256: row.sha256,
      signature: row.signature,
      signingCertificate: row.signing_certificate,
    }
    return c.json(meta, 200)
  })
  app.get('/site/:siteId/firmware/:fileId/:offset{[0-9]{1,12}}', async (c) => {
    const { tenantId, fileId } = await signedIn(sql, c)
    await imageOf(sql, tenantId, fileId)
    const offset = c.req.param('offset')
    const body = await pieceAt(sql, FIRMWARE, fileId, Number(offset))
    if (!body) throw notFound(`no piece of firmware ${fileId} begins at ${offset}`)
    return c.body(new Uint8Array(body), 200, { 'content-type': 'application/octet-stream' })
  })
}

/** Throws 404 when the tenant has none. */
async function imageOf(
  sql: Sql,
  tenantId: string,
  firmwareId: string,
  lock?: 'locked',
): Promise<FirmwareRow> {
  const [row] = await sql<FirmwareRow[]>`
    select * from site_gateway.firmware where tenant_id = ${tenantId} and file_id = ${firmwareId}
    ${lock ? sql`for update` : sql``}`
  if (!row) throw notFound(`There is no firmware ${firmwareId}`)
  return row
}

function resource(row: FirmwareRow) {
  return {
    firmwareId: row.file_id,
    vendor: row.vendor,
    model: row.model,
    version: row.version,
    bytes: Number(row.bytes),
    bytesHere: Number(row.here),
    sha256: row.sha256,
    signed: row.signature !== null,
    status: row.complete ? ('ready' as const) : ('incomplete' as const),
    createdAt: row.created_at.toISOString(),
  }
}
