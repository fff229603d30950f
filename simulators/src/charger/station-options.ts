/** What a station is made of, and what it tells those who watch it. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Validators } from '@switchyard/protocol/ocpp/validators.ts'
import type { Clock } from '../clock.ts'
import type { Ledger, LedgerEntry, LedgerStart } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { ConnectorStatus } from './connector.ts'
import type { Dialect, Nameplate, RegistrationStatus } from './dialect.ts'
import type { Hardware } from './limits/resolve.ts'
import type { Answer } from './rpc.ts'
import type { SessionMessage } from './session.ts'
import type { SettingValues } from './settings.ts'
import type { SocketFactory } from './socket.ts'

export interface ChargerEvents {
  connected: []
  disconnected: [reason: string]
  boot: [status: RegistrationStatus]
  status: [connectorId: number, status: ConnectorStatus]
  'session-started': [start: LedgerStart]
  'session-ended': [entry: LedgerEntry]
  /** The central system has a session's message. */
  answered: [message: SessionMessage]
  /** A session's message was given up. */
  dropped: [message: SessionMessage, why: string]
  /** Something invalid was sent or received, or refused. */
  fault: [description: string]
  /** Every frame as it goes over the wire. */
  frame: [direction: 'in' | 'out', text: string]
}

export interface StationOptions {
  url: string
  id: string
  dialect: Dialect
  validators: Validators
  password?: string
  connectors: readonly Hardware[]
  clock: Clock
  random: Random
  socketFactory: SocketFactory
  /** Answers a call of the central system whose payload is valid; throws Refusal. */
  handle: (action: string, payload: JsonObject) => Answer
  ledger: Ledger
  /** Where the station's memory is kept; without it, nothing outlives the process. */
  stateFile?: string
  settings: Partial<SettingValues>
  nameplate: Nameplate
  callTimeoutMs: number
  reconnectFirstMs: number
  reconnectLongestMs: number
  tickMs: number
  rebootMs: number
}
