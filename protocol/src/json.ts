import { z } from 'zod'

/** Any JSON value, for payloads whose shape another party decides. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Shape of a value that was read from JSON already: it asks nothing more, and unlike `z.json()` it fits an OpenAPI document. */
export const anyJson = z.unknown() as unknown as z.ZodType<Json>
