/** Instants that a site tells, as the tables take them. */
import { isKeepable, parseInstant } from '@switchyard/protocol/instant.ts'

/** One that cannot be read or kept must not stop a site's facts: then the time at which the fact came stands for it. */
export function timeOf(text: string, receivedAt: Date): Date {
  const epochMs = parseInstant(text)
  return epochMs === undefined || !isKeepable(epochMs) ? receivedAt : new Date(epochMs)
}
