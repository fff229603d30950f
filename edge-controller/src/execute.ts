/** What the downlink needs of the rest of the controller to carry out a command. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Command, OutcomeStatus } from '@switchyard/protocol/site/command.ts'

export interface CommandResult {
  status: OutcomeStatus
  /** The station's own reply, where there is one. */
  reply?: JsonObject
  error?: { code: string; description: string }
}

/** When a command of the site's own was issued, and when its time is over. */
export function lifeOf(nowMs: number, ttlMs: number): Pick<Command, 'issuedAt' | 'expiresAt'> {
  return { issuedAt: instant(nowMs), expiresAt: instant(nowMs + ttlMs) }
}

/**
 * Carries a command to its station; never throws: what goes wrong is a result. While the station is away the command waits, and is
 * sent then only if `mayStillGo` says so; when its time is over, it is `expired`, code "StationOffline".
 */
export type Execute = (
  command: Command,
  remainingMs: number,
  mayStillGo?: () => boolean,
) => Promise<CommandResult>
