/** Facts hold what stations sent; Postgres text and jsonb refuse some of it. */
import type { Reading } from './entry.ts'
import { sanitised } from './rows.ts'

/** The same value with every string in it fit for a text or jsonb column; the exact text stays in the log. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return sanitised(value) as T
  if (Array.isArray(value)) return value.map(storable) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [sanitised(key), storable(held)])) as T
}

/** JSON writes what Postgres refuses as an escape; raw, neither is JSON nor UTF-8. */
const ESCAPED = /\\u(0000|d[89a-f])/i

/** What a fact says, fit for columns. Most facts are so already, which their text tells at once. */
export function storableReading({ entry, read }: Reading): Reading {
  return { entry, read: ESCAPED.test(entry.text) ? storable(read) : read }
}

/** Whether a text is kept as it is: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return sanitised(text) === text
}
