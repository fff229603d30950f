/** Files of stations as they come from their sites, piece by piece, and how long they are kept. */
import { createHash } from 'node:crypto'
import { PIECE_BYTES, type UploadOffer, type UploadProgress } from '@switchyard/protocol/site/file.ts'
import type { Sql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { conflict, invalid, notFound, ProblemError } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'

/** How long a file is kept, from when its site offered it. */
export const KEPT_MS = 30 * 24 * 3_600_000
/** Most bytes of one site, declared ones included: its oldest files go for new ones. */
export const MAX_SITE_BYTES = 512 * 1024 * 1024
/** Most files of one site, by the same rule. */
export const MAX_SITE_FILES = 500
/** How often what is too old is removed. */
const SWEEP_MS = 600_000

export interface UploadRow {
  file_id: string
  tenant_id: string
  site_id: string
  station_id: string
  command_id: string
  kind: UploadOffer['kind']
  name: string | null
  /** A bigint column as text. */
  bytes: string
  here: string
  sha256: string
  received_at: Date
  complete: boolean
}

/** Whose file, by its site. */
export interface FileOfSite {
  tenantId: string
  siteId: string
  fileId: string
}

export interface Uploads {
  /** Registers a file; offered again it is where it was. Throws 409 when the id is another file's, of whichever site. */
  offer(file: FileOfSite, offer: UploadOffer): Promise<UploadProgress>
  /**
   * Keeps a piece that begins where the file here ends; one that is here already changes nothing. Throws 404 for a file that was not
   * offered, 409 where a gap would be left, 422 when the whole is not what was offered: it is then to be sent from its beginning.
   */
  piece(file: FileOfSite, offset: number, body: Buffer): Promise<UploadProgress>
  /** Removes what is too old, now and then. */
  start(): Loop
}

export function createUploads({ sql, clock, log }: Pick<ServiceContext, 'sql' | 'clock' | 'log'>): Uploads {
  async function locked(tx: Sql, { siteId, fileId }: FileOfSite): Promise<UploadRow> {
    const [row] = await tx<UploadRow[]>`
      select * from site_gateway.upload where file_id = ${fileId} and site_id = ${siteId} for update`
    if (!row) throw notFound(`file ${fileId} was not offered by ${siteId}`)
    return row
  }

  return {
    offer: ({ tenantId, siteId, fileId }, offer) =>
      sql.begin(async (tx) => {
        // One offer of a site at a time: two must not both find room.
        await tx`select 1 from site_gateway.site where site_id = ${siteId} for update`
        await tx`
          insert into site_gateway.upload (file_id, tenant_id, site_id, station_id, command_id, kind, name, bytes, sha256,
                                           received_at, offered_at)
          values (${fileId}, ${tenantId}, ${siteId}, ${offer.stationId}, ${offer.commandId}, ${offer.kind}, ${offer.name},
                  ${offer.bytes}, ${offer.sha256}, ${new Date(offer.receivedAt)}, ${new Date(clock.now())})
          on conflict (file_id) do nothing`
        const [row] = await tx<
          UploadRow[]
        >`select * from site_gateway.upload where file_id = ${fileId} for update`
        if (row?.site_id !== siteId || row.sha256 !== offer.sha256 || Number(row.bytes) !== offer.bytes)
          throw conflict(`file ${fileId} is another one`)
        await tx`
          delete from site_gateway.upload where file_id in (
            select file_id from (
              select file_id, row_number() over newest as n, sum(bytes) over newest as total
                from site_gateway.upload where site_id = ${siteId}
              window newest as (order by file_id = ${fileId} desc, offered_at desc, file_id desc)
            ) ranked where n > ${MAX_SITE_FILES} or total > ${MAX_SITE_BYTES})`
        // Without a byte there is no piece that could end it.
        if (offer.bytes === 0 && !row.complete) return finish(tx as unknown as Sql, row)
        return { offset: Number(row.here), complete: row.complete }
      }),

    async piece(file, offset, body) {
      const { fileId } = file
      const outcome = await sql.begin(async (given) => {
        const tx = given as unknown as Sql
        const row = await locked(tx, file)
        const here = Number(row.here)
        if (row.complete || offset < here) return { offset: here, complete: row.complete }
        if (offset > here) throw conflict(`file ${fileId} has ${here} bytes here, not ${offset}`)
        const left = Number(row.bytes) - here
        if (body.length === 0 || body.length > left || (body.length < left && body.length !== PIECE_BYTES))
          throw invalid([{ path: '', message: `a piece has ${Math.min(left, PIECE_BYTES)} bytes here` }])
        await tx`insert into site_gateway.upload_piece (file_id, start, body) values (${fileId}, ${here}, ${body})`
        const offsetNow = here + body.length
        await tx`update site_gateway.upload set here = ${offsetNow} where file_id = ${fileId}`
        if (offsetNow < Number(row.bytes)) return { offset: offsetNow, complete: false }
        return finish(tx, row)
      })
      if (outcome.complete || outcome.offset > 0) return outcome
      throw new ProblemError(
        409,
        `file ${fileId} did not come whole: its sha256 is another one; it begins again`,
      )
    },

    start: () =>
      createLoop({
        clock,
        log,
        name: 'retention of uploads',
        pollMs: SWEEP_MS,
        work: async () => {
          await sql`delete from site_gateway.upload where offered_at < ${new Date(clock.now() - KEPT_MS)}`
          return false
        },
      }),
  }
}

/** Every byte is here: verified, or thrown away to be sent again. */
async function finish(tx: Sql, { file_id: fileId, sha256, bytes }: UploadRow): Promise<UploadProgress> {
  const hash = createHash('sha256')
  for await (const piece of piecesOf(tx, fileId)) hash.update(piece)
  if (hash.digest('hex') === sha256) {
    await tx`update site_gateway.upload set complete = true where file_id = ${fileId}`
    return { offset: Number(bytes), complete: true }
  }
  await tx`delete from site_gateway.upload_piece where file_id = ${fileId}`
  await tx`update site_gateway.upload set here = 0 where file_id = ${fileId}`
  return { offset: 0, complete: false }
}

/** The pieces of a file in their order, each by a query of its own: memory holds one, and a slow reader no connection. */
export async function* piecesOf(sql: Sql, fileId: string): AsyncIterable<Buffer> {
  for (let start = 0; ; ) {
    const [piece] = await sql<{ body: Buffer }[]>`
      select body from site_gateway.upload_piece where file_id = ${fileId} and start = ${start}`
    if (!piece) return
    yield piece.body
    start += piece.body.length
  }
}
