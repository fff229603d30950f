/** The call that a station does not answer after its boot shall be one that nobody waits for (quirk `first-call-unanswered`). */
import type { Connection } from './connection.ts'
import type { OcppModule } from './module.ts'

/** Others wait behind it for so long at most; less than a limit waits for its answer. */
export const FIRST_CALL_TIMEOUT_MS = 5_000

export function sendFirst(connection: Connection, { harmless: { action, payload } }: OcppModule): void {
  void connection.call(action, payload, { timeoutMs: FIRST_CALL_TIMEOUT_MS, urgent: true })
}
