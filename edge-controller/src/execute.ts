/** What the downlink needs of the rest of the controller to carry out a command. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Command, OutcomeStatus } from '@switchyard/protocol/site/command.ts'

export interface CommandResult {
  status: OutcomeStatus
  /** The station's own reply, where there is one. */
  reply?: JsonObject
  error?: { code: string; description: string }
}

/** Carries a command to its station; never throws: what goes wrong is a result. The station being away is `failed`, code "StationOffline". */
export type Execute = (command: Command, remainingMs: number) => Promise<CommandResult>
