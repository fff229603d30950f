/** Ids that sites make: what a column, a log line and a topic can hold without surprise. */

/** Printable ASCII without spaces, at most 64. */
const PLAIN = /^[\x21-\x7e]{1,64}$/

export function isPlain(id: string): boolean {
  return PLAIN.test(id)
}
