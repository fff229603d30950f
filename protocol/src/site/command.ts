/**
 * Commands: intentions that go down to a site, at most one effect each, never after their expiry. The result is a
 * `command.outcome` fact.
 */
import { z } from 'zod'
import { anyJson } from '../json.ts'

const idToken = z.object({ value: z.string().min(1).max(255), type: z.string().default('Central') })

/** kind -> shape of its arguments. Kinds keep OCPP 1.6's names; each maps to the version's own calls. */
export const commandArgs = {
  /** RemoteStartTransaction / RequestStartTransaction. Without evseId the station chooses. */
  RemoteStart: z.object({
    idToken,
    evseId: z.int().min(1).optional(),
    connectorId: z.int().min(1).optional(),
  }),
  /** RemoteStopTransaction / RequestStopTransaction. */
  RemoteStop: z.object({ sessionId: z.string() }),
  /** Reset: Soft waits for sessions to end (2.x OnIdle), Hard does not (2.x Immediate). */
  Reset: z.object({ type: z.enum(['Soft', 'Hard']).default('Soft'), evseId: z.int().min(1).optional() }),
  /** Any action of the station's OCPP version with a schema-valid payload; its reply is the outcome's reply. */
  'ocpp.call': z.object({ action: z.string().min(1).max(64), payload: z.record(z.string(), anyJson) }),
} as const

export type CommandKind = keyof typeof commandArgs
export type CommandArgs<K extends CommandKind> = z.infer<(typeof commandArgs)[K]>
export const COMMAND_KINDS = Object.keys(commandArgs) as CommandKind[]

/** How long a command lives when nothing else is said, in ms. */
export const DEFAULT_TTL_MS: Record<CommandKind, number> = {
  RemoteStart: 30_000,
  RemoteStop: 60_000,
  Reset: 60_000,
  'ocpp.call': 30_000,
}
export const MAX_TTL_MS = 24 * 3_600_000

/** Kinds that may be tried again after a crash in between; all others end as `unknown`. */
export const IDEMPOTENT_KINDS: ReadonlySet<CommandKind> = new Set(['RemoteStop'])

export function mayRepeat(kind: string): boolean {
  return IDEMPOTENT_KINDS.has(kind as CommandKind)
}

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
