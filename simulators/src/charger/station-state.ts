/** What a station remembers over a restart: one JSON file, replaced whole. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ConnectorState } from './connector.ts'
import type { ChargerVersion } from './dialect.ts'
import type { InstalledProfile } from './limits/profile.ts'
import type { SessionMessage } from './session.ts'
import type { SettingValues } from './settings.ts'

export interface StationState {
  format: 1
  stationId: string
  version: ChargerVersion
  settings: SettingValues
  connectors: ConnectorState[]
  /** Session messages that the central system does not have yet, in order. */
  queue: SessionMessage[]
  profiles: InstalledProfile[]
  /** 1.6: the central system's ids of sessions that run or wait in the queue. */
  transactionIds: Record<string, string>
  /** The authorization cache: tokens accepted of late, newest last. */
  acceptedTokens: string[]
}

/** Reads a station's state; undefined where there is none yet. Throws when it is of another station or cannot be read. */
export function loadState(
  file: string,
  stationId: string,
  version: ChargerVersion,
): StationState | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  let state: StationState
  try {
    state = JSON.parse(text) as StationState
  } catch (cause) {
    throw new Error(`${file} is not JSON; without it the station starts anew`, { cause })
  }
  if (state?.format !== 1) throw new Error(`${file} is not a station's state of format 1`)
  if (state.stationId !== stationId || state.version !== version) {
    throw new Error(
      `${file} is of station ${state.stationId} (OCPP ${state.version}), not of ${stationId} (${version})`,
    )
  }
  return state
}

/** On the disk when this returns, whole or not at all. */
export function saveState(file: string, state: object): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.new`
  const fd = openSync(draft, 'w')
  try {
    writeSync(fd, JSON.stringify(state))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
