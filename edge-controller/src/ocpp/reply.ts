/** Whether a station's reply means that it does what it was asked. What it answers has passed no schema. */

/** Words of all versions that mean yes, now or once something is over. */
const YES: ReadonlySet<unknown> = new Set([
  'Accepted',
  'Scheduled',
  'RebootRequired',
  'Unlocked',
  'Unpublished',
  // A log or a firmware update that takes the place of another one.
  'AcceptedCanceled',
  // A transaction's state, a list of what is there: answers without a yes or no.
  undefined,
])

/** Replies that answer each item of a list by itself, and the word of each. A reading is an answer whatever it finds. */
const ITEMS: readonly [list: string, word: string][] = [
  ['setVariableResult', 'attributeStatus'],
  ['setMonitoringResult', 'status'],
  ['clearMonitoringResult', 'status'],
  ['clearTariffsResult', 'status'],
]

export function isYes(reply: unknown): boolean {
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) return false
  const said = reply as Record<string, unknown>
  for (const [list, word] of ITEMS) {
    const items = said[list]
    if (items === undefined) continue
    return Array.isArray(items) && items.every((item) => item?.[word] !== undefined && YES.has(item[word]))
  }
  return YES.has(said.status)
}
