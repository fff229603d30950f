/** A charging session at the station, and the messages that tell of it: version-neutral, plain JSON, fit to be kept on disk. */
import type { MilliWh } from '@switchyard/protocol/units.ts'

/** OCPP 2.0.1's words; 1.6 says it by StatusNotification. */
export type ChargingState = 'EVConnected' | 'Charging' | 'SuspendedEV' | 'SuspendedEVSE'

/** Why a session ended; each version has its own words for it. */
export const STOP_REASONS = [
  'Local',
  'Remote',
  'EVDisconnected',
  'DeAuthorized',
  'SoftReset',
  'HardReset',
  'UnlockCommand',
] as const
export type StopReason = (typeof STOP_REASONS)[number]

/** What set a session off: the last of what it needs. */
export type StartTrigger = 'authorised' | 'plugged-in' | 'remote'

export interface Session {
  /** Unique key of the simulator's; OCPP 2.0.1's transaction id too. */
  key: string
  connectorId: number
  idToken: string
  /** 2.0.1's type of the token, where it came with one (a remote start); absent: a card. */
  tokenType?: string
  remoteStartId?: number
  startedAtMs: number
  startRegisterMilliWh: MilliWh
  state: ChargingState
  /** Of the next message about it. */
  nextSeqNo: number
}

/** One reading of a meter, as text, in OCPP's words. */
export interface Reading {
  measurand: string
  value: string
  unit: string
  phase?: 'L1' | 'L2' | 'L3'
  /** Absent: the outlet. */
  location?: 'EV'
}

export type ReadingContext =
  | 'Sample.Periodic'
  | 'Sample.Clock'
  | 'Transaction.Begin'
  | 'Transaction.End'
  | 'Trigger'
  | 'Other'

interface MessageHead {
  sessionKey: string
  connectorId: number
  seqNo: number
  atMs: number
  /** The station was not connected when it happened. */
  offline: boolean
  registerMilliWh: MilliWh
  readings: Reading[]
}

/** What a session tells the central system, in the order in which it must get there. */
export type SessionMessage = MessageHead &
  (
    | {
        kind: 'started'
        idToken: string
        tokenType?: string
        trigger: StartTrigger
        remoteStartId?: number
        state: ChargingState
      }
    | { kind: 'meter'; context: ReadingContext; state: ChargingState }
    | { kind: 'state'; state: ChargingState }
    | { kind: 'ended'; reason: StopReason; idToken: string; tokenType?: string; stoppedBy?: string }
  )

/** Messages that may be thinned when too many wait: the session's energy does not depend on them. */
export function isIntermediate(message: SessionMessage): boolean {
  return message.kind === 'meter' || message.kind === 'state'
}
