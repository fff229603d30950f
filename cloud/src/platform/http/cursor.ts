/** Opaque cursors of lists: the sort key of the last item, so that a list may grow between two pages. */
import { z } from 'zod'
import { invalid } from './problem.ts'

const cursorText = z.array(z.string().max(256)).max(4)

export function encodeCursor(...key: string[]): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url')
}

/** The key of `length` parts, or undefined without a cursor. Throws 422 when it is none of ours. */
export function decodeCursor(cursor: string | undefined, length: number): string[] | undefined {
  if (cursor === undefined) return undefined
  const refused = invalid([{ path: 'cursor', message: 'is no cursor of this list' }])
  try {
    const read = cursorText.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
    if (read.success && read.data.length === length) return read.data
  } catch (error) {
    refused.cause = error
  }
  throw refused
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
