/** A batch as it goes on the wire: gzipped JSON within the three bounds (rows, compressed, inflated). */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import {
  type Batch,
  type BatchRow,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  MAX_BATCH_ROWS,
} from '@switchyard/protocol/site/envelope.ts'
import { tracesIn } from '@switchyard/tracing/hop.ts'

/** Makes the text of a batch smaller; on the wire it is gzip. */
export type Compress = (text: Buffer) => Promise<Buffer> | Buffer
const gzipped: Compress = promisify(gzip)
/** Aims below a bound that was missed, so that the second try seldom misses too. */
const AIM = 0.8

export type BatchHead = Pick<Batch, 'v' | 'journalId' | 'stream' | 'epoch' | 'nonce' | 'generation'>

export interface EncodedBatch {
  from: number
  to: number
  /** The rows in it, with the seq that each ends at. */
  rows: { seq: number; id: string }[]
  payload: Buffer
  inflatedBytes: number
  /** To which of its facts belong, where traces are exported. */
  traces: readonly string[]
}

/**
 * Encodes as many of the rows as the bounds allow, at least one; `after` is the row before the first. A single row always
 * fits, for the journal bounds the size of a fact.
 */
export async function encodeBatch(
  head: BatchHead,
  after: { seq: number; rowId: string },
  rows: readonly BatchRow[],
  compress: Compress = gzipped,
): Promise<EncodedBatch> {
  let count = Math.min(rows.length, MAX_BATCH_ROWS)
  for (;;) {
    const part = rows.slice(0, count)
    const placed = withSeq(after.seq, part)
    const from = after.seq + 1
    const to = placed.at(-1)!.seq
    const batch: Batch = { ...head, from, to, prevId: after.rowId, rows: part }
    const text = Buffer.from(JSON.stringify(batch))
    let over = text.length / MAX_BATCH_INFLATED_BYTES
    if (over <= 1 || count === 1) {
      const payload = await compress(text)
      over = payload.length / MAX_BATCH_COMPRESSED_BYTES
      if (over <= 1 || count === 1)
        return { from, to, rows: placed, payload, inflatedBytes: text.length, traces: tracesIn(part) }
    }
    count = Math.max(1, Math.min(count - 1, Math.floor((count * AIM) / over)))
  }
}

function withSeq(after: number, rows: readonly BatchRow[]): { seq: number; id: string }[] {
  let seq = after
  return rows.map((row) => {
    seq += row.covers ?? 1
    return { seq, id: row.id }
  })
}
