/** What the two OCPP versions make of the same station: their messages. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { ConnectorStatus } from './connector.ts'
import type { Reading, ReadingContext, SessionMessage, StopReason } from './session.ts'

export type ChargerVersion = '1.6' | '2.0.1'

/** A call to the central system. */
export interface Call {
  action: string
  payload: object
}

export interface Nameplate {
  vendor: string
  model: string
  serial: string
  firmware: string
}

export type BootReason = 'PowerUp' | 'RemoteReset' | 'Triggered'
export type RegistrationStatus = 'Accepted' | 'Pending' | 'Rejected'

export interface SessionAnswer {
  /** 1.6: the central system's id for it. */
  transactionId?: string
  /** What it says of the token, where it says anything. */
  authorization?: string
}

export interface Dialect {
  readonly version: ChargerVersion
  /** Registers are whole multiples of this in the version's messages (1.6's meterStart and meterStop are whole Wh). */
  readonly registerStepMilliWh: number
  boot(nameplate: Nameplate, reason: BootReason): Call
  readBoot(answer: JsonObject): { status: RegistrationStatus; currentTime: string; intervalS: number }
  authorize(idToken: string, tokenType?: string): Call
  /** The status of the token. */
  readAuthorize(answer: JsonObject): string
  /** The version's own word for a status: several of ours may be one of its. */
  statusWord(status: ConnectorStatus): string
  status(connectorId: number, status: ConnectorStatus, atMs: number): Call
  /** Undefined: the version has no message for it, and it is not queued. */
  session(message: SessionMessage, transactionId: string | null): Call | undefined
  readSession(message: SessionMessage, answer: JsonObject): SessionAnswer
  /** Readings that belong to no session. */
  meter(connectorId: number, context: ReadingContext, readings: Reading[], atMs: number): Call
  reason(reason: StopReason): string
}
