/**
 * A change of how a station proves who it is: several calls, and then a connection that proves it. It may be begun again at any step, as a
 * restart of the controller does: nothing that the station came with is given up before something new was proved.
 */
import type { CommandKind } from '@switchyard/protocol/command/commands.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../../draft.ts'
import type { CommandResult } from '../../execute.ts'
import type { Credential } from '../../station/security.ts'
import { stationOf } from '../../station/station.ts'
import { isSparing } from '../commands.ts'

/** A station that changes by itself comes back within so long; one that does not is disconnected, so that it has to. */
export const OWN_RECONNECT_MS = 20_000
/** From a disconnection, or from its first connection after a reset, to the connection that proves the change. */
export const RECONNECT_MS = 120_000

/** The connection of a station as it is now. */
export interface Standing {
  version: string
  credential: Credential
  /** Address of ours by which it came. */
  local?: string | undefined
  close(reason: string): void
}

/** What a change may do with its station. */
export interface Change {
  command: Command
  stationId: string
  state: StateReader
  /** Wall clock, ms. */
  now(): number
  leftMs(): number
  /** Undefined while the station is away. */
  standing(): Standing | undefined
  /** Connections since the controller started. */
  connections(): number
  /** Carries out an ordinary command, or the call that a change begins with; waits while the station is away. */
  issue(kind: CommandKind, args: JsonObject): Promise<CommandResult>
  commit(decide: (draft: Draft) => void): Promise<void>
  /** Whether that comes true within so long; resolves never once the controller stops. */
  until(look: () => boolean, ms: number): Promise<boolean>
  /** What came of the newest certificate that the station asked for, since the change began. */
  issued(): FactData<'station.certificate'> | undefined
  site: SiteSecurity
}

/** What the site offers to stations that prove themselves. */
export interface SiteSecurity {
  /** It has a CA that signs what stations ask for. */
  signs: boolean
  /** Certificates of stations are renewed so long before their end. */
  renewBeforeMs: number
  /** Certificate of that CA where stations are to trust it, PEM; undefined: the site shows another's certificate, or none. */
  root?: string | undefined
  /** Where stations reach it with a profile; `local`: the address by which the station came. */
  url(profile: number, local: string | undefined): string | undefined
}

export const NO_SECURITY: SiteSecurity = { signs: false, renewBeforeMs: 0, url: () => undefined }

/**
 * Waits for the connection that proves a change: the station comes by itself, or because it was disconnected, or after a reset, which
 * waits until no session runs. `needsReset`: the station has said so, or its version asks for it.
 */
export async function comesBackWith(
  change: Change,
  isProved: () => boolean,
  needsReset: boolean,
  /** Left for what is to be undone. */
  reserveMs = 0,
): Promise<boolean> {
  const leftMs = (): number => Math.max(0, change.leftMs() - reserveMs)
  if (!needsReset) {
    if (await change.until(isProved, OWN_RECONNECT_MS)) return true
    // A station that a session runs at is left alone, where that is asked for.
    const mayCut = () => !(isSparing(change.command.args) && isCharging(change))
    await change.until(() => isProved() || mayCut(), leftMs())
    if (isProved() || !mayCut()) return isProved()
    change.standing()?.close('connect again with what was changed')
    if (await change.until(isProved, RECONNECT_MS)) return true
  }
  await change.until(() => isProved() || isIdle(change), leftMs())
  if (isProved()) return true
  if (!isIdle(change)) return false
  const before = change.connections()
  await change.issue('Reset', { type: 'Soft' })
  await change.until(() => isProved() || change.connections() > before, leftMs())
  return change.until(isProved, Math.min(RECONNECT_MS, leftMs()))
}

function isIdle(change: Change): boolean {
  return change.standing() !== undefined && !isCharging(change)
}

function isCharging({ state, stationId }: Change): boolean {
  return (stationOf(state, stationId)?.running.length ?? 0) > 0
}

/** Whether the station has said that it takes the change only with its next boot. */
export function asksForReboot(result: CommandResult): boolean {
  return JSON.stringify(result.reply ?? null).includes('"RebootRequired"')
}

export function notDone(code: string, description: string): CommandResult {
  return { status: 'failed', error: { code, description } }
}
