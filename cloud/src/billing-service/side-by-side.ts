/**
 * Work of several kinds of order: what has the same key is done one after the other, what has not side by side. On one connection of the database
 * the statements then go out without waiting for each other's answers, which is most of the time that they take.
 */

/** Keys that are worked on at once. */
export const MOST_AT_ONCE = 32

/** Resolves or rejects once nothing of it is under way any more; rejects with what failed first, and begins nothing after that. */
export async function sideBySide<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const lines = [...linesOf(items, keyOf)]
  let failure: { error: unknown } | undefined
  async function takeLines(): Promise<void> {
    for (let line = lines.shift(); line; line = lines.shift()) {
      for (const item of line) {
        if (failure) return
        try {
          await work(item)
        } catch (error) {
          failure ??= { error }
        }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, lines.length) }, takeLines))
  if (failure) throw failure.error
}

function linesOf<T>(items: readonly T[], keyOf: (item: T) => string): Iterable<T[]> {
  const lines = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const line = lines.get(key)
    if (line) line.push(item)
    else lines.set(key, [item])
  }
  return lines.values()
}
