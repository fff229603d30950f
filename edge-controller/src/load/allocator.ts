/** Who may draw how much: equal shares of what is left at the grid connection, 6 A at least (IEC 61851) or a pause. Pure. */

/** Smallest current that a car charges with (IEC 61851-1, annex A). */
export const MIN_CHARGING_MA = 6_000

/**
 * Shares `budgetMa` (per phase; a session counts on every phase) among sessions, oldest first. When there is not enough for
 * all, the oldest charge at the minimum or above and the others pause at 0.
 */
export function allocate(budgetMa: number, sessionIds: readonly string[]): Map<string, number> {
  const charging = Math.min(sessionIds.length, Math.max(0, Math.floor(budgetMa / MIN_CHARGING_MA)))
  const shareMa = charging === 0 ? 0 : Math.floor(budgetMa / charging)
  return new Map(sessionIds.map((id, index) => [id, index < charging ? shareMa : 0]))
}
