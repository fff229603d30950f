/** Files of stations as they come from their sites, piece by piece, and how long they are kept. */
import type { UploadOffer, UploadProgress } from '@switchyard/protocol/site/file.ts'
import type { Sql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { conflict, notFound } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import { type FileRow, type FileTables, finish, takePiece, wholeOrAgain } from './pieces.ts'

/** How long a file is kept, from when its site offered it. */
export const KEPT_MS = 30 * 24 * 3_600_000
/** Most bytes of one site, declared ones included: its oldest files go for new ones. */
export const MAX_SITE_BYTES = 512 * 1024 * 1024
/** Most files of one site, by the same rule. */
export const MAX_SITE_FILES = 500
/** How often what is too old is removed. */
const SWEEP_MS = 600_000

export const UPLOADS: FileTables = { file: 'site_gateway.upload', piece: 'site_gateway.upload_piece' }

export interface UploadRow extends FileRow {
  tenant_id: string
  site_id: string
  station_id: string
  command_id: string
  kind: UploadOffer['kind']
  name: string | null
  received_at: Date
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
        if (offer.bytes === 0 && !row.complete) return finish(tx as unknown as Sql, UPLOADS, row)
        return { offset: Number(row.here), complete: row.complete }
      }),

    async piece(file, offset, body) {
      const { fileId } = file
      const outcome = await sql.begin(async (given) => {
        const tx = given as unknown as Sql
        const row = await locked(tx, file)
        return takePiece(tx, UPLOADS, row, offset, body)
      })
      return wholeOrAgain(fileId, outcome)
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
