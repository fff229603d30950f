/** Charging profiles in words that both OCPP versions share (1.6 section 3.13; 2.0.1 use case K01). */

/** ChargePointMaxProfile of 1.6 and ChargingStationMaxProfile of 2.0.1 are `StationMax`. */
export type Purpose = 'StationMax' | 'TxDefault' | 'Tx'

export interface Period {
  /** From the start of the schedule. */
  startMs: number
  /** mA per phase where the schedule's unit is A, mW over all phases where it is W. */
  limit: number
  /** Phases that may be used; absent: three. */
  phases?: number
}

export interface Schedule {
  /** Absent: the schedule starts with the session. */
  startMs?: number
  durationMs?: number
  unit: 'A' | 'W'
  /** At least one, ascending, the first at 0. */
  periods: Period[]
}

export interface Profile {
  id: number
  stackLevel: number
  purpose: Purpose
  kind: 'Absolute' | 'Recurring' | 'Relative'
  recurrency?: 'Daily' | 'Weekly'
  validFromMs?: number
  validToMs?: number
  /** OCPP's id of the transaction that a `Tx` profile is for. */
  transactionId?: string
  schedule: Schedule
}

/** A profile where it is installed. */
export interface InstalledProfile {
  /** 0: the whole station. */
  connectorId: number
  profile: Profile
  /** The session that a `Tx` profile ends with. */
  sessionKey?: string
}

/** A limit as some profile gives it. */
export interface Limit {
  unit: 'A' | 'W'
  limit: number
  phases?: number
}
