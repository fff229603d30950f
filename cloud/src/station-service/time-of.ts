/** Instants that a site tells, as the tables take them. */
import { parseInstant } from '@switchyard/protocol/instant.ts'

/** One that cannot be read must not stop a site's facts: then the time at which the fact came stands for it. */
export function timeOf(text: string, receivedAt: Date): Date {
  const epochMs = parseInstant(text)
  return epochMs === undefined ? receivedAt : new Date(epochMs)
}
