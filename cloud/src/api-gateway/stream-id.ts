/** SSE ids: `<generation>.<position of partition 0>-<of 1>-...`: how far a client is in every log partition. */
import { LOG_PARTITIONS } from '../platform/event-log/entry.ts'

export type Vector = number[]

export function encodeStreamId(generation: string, vector: Vector): string {
  return `${generation}.${vector.join('-')}`
}

/** Undefined when it is none of this log's life: the client reads everything again. */
export function decodeStreamId(generation: string, id: string): Vector | undefined {
  const [of, positions, ...rest] = id.split('.')
  if (of !== generation || positions === undefined || rest.length > 0) return undefined
  const vector = positions.split('-').map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN))
  return vector.length === LOG_PARTITIONS && vector.every(Number.isSafeInteger) ? vector : undefined
}
