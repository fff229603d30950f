/** Cuts a document's text into pieces that fit a message. */

/** At most `maxBytes` of UTF-8 in each piece, never within a character; one empty piece for an empty text. */
export function chunksOf(text: string, maxBytes: number): string[] {
  const bytes = Buffer.from(text, 'utf8')
  const pieces: string[] = []
  let from = 0
  do {
    let to = Math.min(from + maxBytes, bytes.length)
    // A byte 10xxxxxx goes on with a character that began before.
    while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
    pieces.push(bytes.toString('utf8', from, to))
    from = to
  } while (from < bytes.length)
  return pieces
}
