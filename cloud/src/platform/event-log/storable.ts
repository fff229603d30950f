/** Facts hold what stations sent; Postgres text and jsonb refuse some of it. */
import { sanitised } from './rows.ts'

/** The same value with every string in it fit for a text or jsonb column; the exact text stays in the log. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return sanitised(value) as T
  if (Array.isArray(value)) return value.map(storable) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [sanitised(key), storable(held)])) as T
}

/** Whether a text is kept as it is: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return sanitised(text) === text
}
