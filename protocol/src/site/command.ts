/**
 * Commands as they travel: intentions that go down to a site, at most one effect each, never after their expiry. The result is
 * a `command.outcome` fact. Which kinds there are stands in command/commands.ts.
 */
import { z } from 'zod'

/** Longest life of a command, ms. */
export const MAX_TTL_MS = 24 * 3_600_000

export const command = z.object({
  id: z.string(),
  stationId: z.string(),
  kind: z.string(),
  args: z.json(),
  /** Cloud's wall clock, RFC 3339. */
  issuedAt: z.string(),
  expiresAt: z.string(),
  trace: z.string().optional(),
})
/** A command as it travels; `args` is read by the kind's shape at the site. */
export type Command = z.infer<typeof command>

export type OutcomeStatus = 'accepted' | 'rejected' | 'failed' | 'expired' | 'unknown'
