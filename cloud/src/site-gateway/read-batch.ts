/** A batch as it came: inflated within its bound, parsed, and read by its shape. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import {
  type Batch,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  readBatchFields,
} from '@switchyard/protocol/site/envelope.ts'
import { isPlain } from './plain.ts'

const inflate = promisify(gunzip)

export type ReadBatch = { ok: true; batch: Batch } | { ok: false; reason: string }

/** Never rejects; what cannot be read comes back with the reason. */
export async function readBatch(payload: Buffer): Promise<ReadBatch> {
  if (payload.length > MAX_BATCH_COMPRESSED_BYTES)
    return refused(`${payload.length} bytes, at most ${MAX_BATCH_COMPRESSED_BYTES}`)
  let text: string
  try {
    text = (await inflate(payload, { maxOutputLength: MAX_BATCH_INFLATED_BYTES })).toString('utf8')
  } catch (error) {
    return refused(`not gzip within ${MAX_BATCH_INFLATED_BYTES} bytes: ${(error as Error).message}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refused(`not JSON: ${(error as Error).message}`)
  }
  const parsed = readBatchFields(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return refused(`${issue?.path.join('.') ?? ''}: ${issue?.message}`)
  }
  const { v, journalId, nonce, rows } = parsed.data
  if (v < OLDEST_PROTOCOL_VERSION || v > PROTOCOL_VERSION)
    return refused(`protocol version ${v}; ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION} are taken`)
  if (!isPlain(journalId)) return refused('journalId: printable ASCII is needed')
  if (nonce !== undefined && !isPlain(nonce)) return refused('nonce: printable ASCII is needed')
  const odd = rows.findIndex((it) => !isPlain(it.id))
  if (odd >= 0) return refused(`rows.${odd}.id: printable ASCII is needed`)
  return { ok: true, batch: parsed.data }
}

function refused(reason: string): ReadBatch {
  return { ok: false, reason }
}
