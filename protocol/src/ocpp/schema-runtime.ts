import { fullFormats } from 'ajv-formats/dist/formats.js'
import { parseInstant } from '../instant.ts'

/** What the generated validators need at run time. They import this module; nothing else does but validators.ts. */

/** An error as generated code reports it. */
export interface CompiledError {
  instancePath: string
  schemaPath: string
  keyword: string
  params: Record<string, unknown>
}

/** Generated check of one message; after `false`, `errors` holds the first violation. */
export interface CompiledCheck {
  (payload: unknown): boolean
  errors?: CompiledError[] | null
}

/** Generated checks by action; `response` is null for a message that gets none (2.1's SEND). */
export type CompiledMessages = ReadonlyMap<string, { request: CompiledCheck; response: CompiledCheck | null }>

/** Number of Unicode characters: JSON Schema counts those, a JavaScript string counts UTF-16 units. */
export function characterCount(text: string): number {
  let count = text.length
  for (let i = 0; i + 1 < text.length; i++) {
    if (isBetween(text.charCodeAt(i), 0xd800, 0xdbff) && isBetween(text.charCodeAt(i + 1), 0xdc00, 0xdfff)) {
      count--
      i++
    }
  }
  return count
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high
}

export const formats = {
  /** A date-time is what the rest of the system can read as an instant: one without a zone included. */
  'date-time': (text: string): boolean => parseInstant(text) !== undefined,
  uri: fullFormats.uri as (text: string) => boolean,
}
