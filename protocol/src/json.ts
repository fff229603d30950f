import { z } from 'zod'

/** Any JSON value, for payloads whose shape another party decides. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
/** Whether a value that was read from JSON is nested deeper; it is not walked further down than that. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const key in value) if (isDeeperThan((value as Record<string, unknown>)[key], levels - 1)) return true
  return false
}

export type JsonObject = { [key: string]: Json }

/** Shape of a value that was read from JSON already: it asks nothing more, and unlike `z.json()` it fits an OpenAPI document. */
export const anyJson = z.unknown() as unknown as z.ZodType<Json>
