/** Files that come and lie in pieces, in two tables: one row for each file, one for each piece, without a gap from the beginning. */
import { createHash } from 'node:crypto'
import { PIECE_BYTES, type UploadProgress } from '@switchyard/protocol/site/file.ts'
import type { Sql } from 'postgres'
import { conflict, invalid, ProblemError } from '../platform/http/problem.ts'

/** Both keyed by file_id. */
export interface FileTables {
  file: string
  piece: string
}

export interface FileRow {
  file_id: string
  /** bigint columns, as text; `here` is what has come. */
  bytes: string
  here: string
  /** Of the whole, hexadecimal. */
  sha256: string
  complete: boolean
}

/**
 * Keeps the next piece of a file whose row is locked; one that is here already changes nothing. Throws 409 where a gap would be
 * left, 422 for a piece of another length. Not complete at offset 0: the whole was not what was promised, and is to come again.
 */
export async function takePiece(
  tx: Sql,
  tables: FileTables,
  row: FileRow,
  offset: number,
  body: Buffer,
): Promise<UploadProgress> {
  const { file_id: fileId } = row
  const here = Number(row.here)
  if (row.complete || offset < here) return { offset: here, complete: row.complete }
  if (offset > here) throw conflict(`file ${fileId} has ${here} bytes here, not ${offset}`)
  const wanted = Math.min(Number(row.bytes) - here, PIECE_BYTES)
  if (body.length === 0 || body.length !== wanted)
    throw invalid([{ path: '', message: `the piece at ${here} has ${wanted} bytes, not ${body.length}` }])
  await tx`insert into ${tx(tables.piece)} (file_id, start, body) values (${fileId}, ${here}, ${body})`
  const offsetNow = here + body.length
  await tx`update ${tx(tables.file)} set here = ${offsetNow} where file_id = ${fileId}`
  if (offsetNow < Number(row.bytes)) return { offset: offsetNow, complete: false }
  return finish(tx, tables, row)
}

/** Throws 409, once that is committed, when the whole has to come again. */
export function wholeOrAgain(fileId: string, progress: UploadProgress): UploadProgress {
  if (progress.complete || progress.offset > 0) return progress
  throw new ProblemError(409, `file ${fileId} did not come whole: its sha256 is another one; it begins again`)
}

/** Every byte is here: verified, or thrown away to be sent again. */
export async function finish(
  tx: Sql,
  tables: FileTables,
  { file_id: fileId, sha256, bytes }: FileRow,
): Promise<UploadProgress> {
  const hash = createHash('sha256')
  for await (const piece of piecesOf(tx, tables, fileId)) hash.update(piece)
  if (hash.digest('hex') === sha256) {
    await tx`update ${tx(tables.file)} set complete = true where file_id = ${fileId}`
    return { offset: Number(bytes), complete: true }
  }
  await tx`delete from ${tx(tables.piece)} where file_id = ${fileId}`
  await tx`update ${tx(tables.file)} set here = 0 where file_id = ${fileId}`
  return { offset: 0, complete: false }
}

/** The pieces of a file in their order, each by a query of its own: memory holds one, and a slow reader no connection. */
export async function* piecesOf(sql: Sql, tables: FileTables, fileId: string): AsyncIterable<Buffer> {
  for (let start = 0; ; ) {
    const piece = await pieceAt(sql, tables, fileId, start)
    if (!piece) return
    yield piece
    start += piece.length
  }
}

/** Undefined when none begins there. */
export async function pieceAt(
  sql: Sql,
  tables: FileTables,
  fileId: string,
  start: number,
): Promise<Buffer | undefined> {
  const [piece] = await sql<{ body: Buffer }[]>`
    select body from ${sql(tables.piece)} where file_id = ${fileId} and start = ${start}`
  return piece?.body
}
