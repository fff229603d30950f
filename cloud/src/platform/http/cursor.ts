/** Opaque cursors of lists: the sort key of the last item, so that a list may grow between two pages. */
import { isKeepable, parseInstant } from '@switchyard/protocol/instant.ts'
import { z } from 'zod'
import { isStorable } from '../event-log/storable.ts'
import { invalid } from './problem.ts'

/** Longest part: an alert's id names a session, whose own id may have 255 characters, and more. */
const MAX_PART_CHARS = 512
const cursorText = z.array(z.string().max(MAX_PART_CHARS)).max(4)

export function encodeCursor(...key: string[]): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url')
}

/** What a part of a key is: an instant as `encodeCursor` was given it (`toISOString`), a UUID, a count, a number of 31 bits or -1, or any text. */
export type KeyPart = 'instant' | 'uuid' | 'count' | 'number' | 'text'

/** The key, or undefined without a cursor. Throws 422 when it is none that this list gave. */
export function decodeCursor(cursor: string | undefined, ...parts: KeyPart[]): string[] | undefined {
  if (cursor === undefined) return undefined
  const refused = invalid([{ path: 'cursor', message: 'is no cursor of this list' }])
  try {
    const read = cursorText.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
    if (read.success && read.data.length === parts.length && parts.every((it, i) => fits(it, read.data[i]!)))
      return read.data
  } catch (error) {
    refused.cause = error
  }
  throw refused
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A table is never asked with what its column cannot be compared to. */
function fits(part: KeyPart, text: string): boolean {
  if (part === 'uuid') return UUID.test(text)
  if (part === 'text') return isStorable(text)
  if (part === 'count') return /^\d{1,15}$/.test(text)
  if (part === 'number') return /^(-1|\d{1,9}|1\d{9}|20\d{8})$/.test(text)
  const epochMs = parseInstant(text)
  return epochMs !== undefined && isKeepable(epochMs) && new Date(epochMs).toISOString() === text
}

/** A page of `limit` from rows of which one more was asked for. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  key: (row: Row) => string[],
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? encodeCursor(...key(last)) : null,
  }
}
