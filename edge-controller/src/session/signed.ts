/**
 * Signed meter values of a session, byte for byte as the station sent them: they are what a bill is proved by, so they travel in the
 * ledger with the session, where a full disk thins nothing.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { keptValues, type Reading } from './reading.ts'
import type { Unmetered } from './session.ts'

/** Bytes of the signed values of one session that go into the ledger; those beyond stay with the readings. */
export const SIGNED_MAX_BYTES = 64 * 1024
/** With those of its start and its end, by which it is billed. */
export const SIGNED_OF_ENDS_MAX_BYTES = 2 * SIGNED_MAX_BYTES
const OF_ENDS = new Set(['Transaction.Begin', 'Transaction.End'])

/** What a session's signed values have come to. */
export interface SignedSoFar {
  bytes: number
  /** Values that had no room in the ledger. */
  omitted: number
}

/** Takes the signed values of a reading, and returns the session and the values of the reading without what is told here. */
export function takeSigned(
  draft: Draft,
  session: Unmetered,
  { atMs, values }: Reading,
): { session: Unmetered; values: SampledValue[] } {
  if (!values.some(isSigned)) return { session, values }
  let { bytes, omitted } = session.signed ?? { bytes: 0, omitted: 0 }
  const fit = new Set(keptValues(values))
  const told: SampledValue[] = []
  const left = values.map((value) => {
    if (!isSigned(value)) return value
    const size = Buffer.byteLength(JSON.stringify(value))
    const most = OF_ENDS.has(value.context ?? '') ? SIGNED_OF_ENDS_MAX_BYTES : SIGNED_MAX_BYTES
    if (!fit.has(value) || bytes + size > most) {
      omitted++
      return value
    }
    bytes += size
    told.push(value)
    const { signed: _told, ...rest } = value
    return rest
  })
  if (told.length > 0)
    draft.fact({
      kind: 'session.signed',
      stationId: session.stationId,
      sessionId: session.sessionId,
      data: { at: instant(atMs), values: told, ...(omitted > 0 ? { omitted } : {}) },
    })
  return { session: { ...session, signed: { bytes, omitted } }, values: left }
}

function isSigned({ signed }: SampledValue): boolean {
  return signed !== undefined
}
