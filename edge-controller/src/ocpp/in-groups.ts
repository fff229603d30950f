/** Splits a list into groups of `most` items (the last may have fewer), as one message takes them. */
export function inGroups<T>(items: readonly T[], most: number): T[][] {
  const groups: T[][] = []
  for (let from = 0; from < items.length; from += most) groups.push(items.slice(from, from + most))
  return groups
}
