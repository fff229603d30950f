/** The two OCPP versions, as far as a charger of the world speaks them. */
import type { PhysicalSession } from './physical-session.ts'

export interface Call {
  action: string
  payload: object
}

/** A message about a session that must arrive some day. */
export interface SessionMessage {
  kind: 'started' | 'meter' | 'ended'
  session: PhysicalSession
  /** By the charger's clock. */
  at: string
  milliWh: number
  /** The meter is broken: nobody can pay by this register. */
  isWrong: boolean
  currentMa: number
  phases: number
  reason: string
  seqNo: number
  /** It was told later than it happened. */
  isLate: boolean
}

export interface Dialect {
  version: '1.6' | '2.0.1'
  /** Registers are told in steps of this. */
  stepMilliWh: number
  boot(): Call
  authorize(token: string): Call
  status(connector: number, isOccupied: boolean, at: string): Call
  /** Undefined: it cannot be told (yet). */
  session(message: SessionMessage): Call | undefined
  /** What the answer to a session's message says. */
  read(message: SessionMessage, answer: Record<string, unknown>): { transactionId?: string; status?: string }
}

function sampled(milliWh: number, currentMa: number, phases: number) {
  return [
    { measurand: 'Energy.Active.Import.Register', unit: 'Wh', value: (milliWh / 1000).toFixed(3) },
    ...['L1', 'L2', 'L3'].slice(0, phases).map((phase) => ({
      measurand: 'Current.Import',
      unit: 'A',
      phase,
      value: (currentMa / 1000).toFixed(1),
    })),
  ]
}

export const v16: Dialect = {
  version: '1.6',
  stepMilliWh: 1_000,
  boot: () => ({
    action: 'BootNotification',
    payload: { chargePointVendor: 'World', chargePointModel: 'One' },
  }),
  authorize: (token) => ({ action: 'Authorize', payload: { idTag: token } }),
  status: (connectorId, isOccupied, timestamp) => ({
    action: 'StatusNotification',
    payload: { connectorId, errorCode: 'NoError', status: isOccupied ? 'Charging' : 'Available', timestamp },
  }),
  session({ kind, session, at, milliWh, currentMa, phases, reason }) {
    const { connector, token, transactionId } = session
    const id = transactionId === undefined ? undefined : Number(transactionId)
    switch (kind) {
      case 'started':
        return {
          action: 'StartTransaction',
          payload: { connectorId: connector, idTag: token, meterStart: milliWh / 1000, timestamp: at },
        }
      case 'meter':
        return {
          action: 'MeterValues',
          payload: {
            connectorId: connector,
            ...(id === undefined ? {} : { transactionId: id }),
            meterValue: [{ timestamp: at, sampledValue: sampled(milliWh, currentMa, phases) }],
          },
        }
      case 'ended':
        // Without an answer to its start it has no id, and waits.
        if (id === undefined) return undefined
        return {
          action: 'StopTransaction',
          payload: { transactionId: id, meterStop: milliWh / 1000, timestamp: at, reason, idTag: token },
        }
    }
  },
  read({ kind }, answer) {
    if (kind !== 'started') return {}
    const status = (answer.idTagInfo as { status?: string } | undefined)?.status
    const { transactionId } = answer
    return {
      ...(typeof transactionId === 'number' && transactionId > 0
        ? { transactionId: String(transactionId) }
        : {}),
      ...(status === undefined ? {} : { status }),
    }
  },
}

const EVENT = { started: 'Started', meter: 'Updated', ended: 'Ended' } as const
const TRIGGER = { started: 'CablePluggedIn', meter: 'MeterValuePeriodic', ended: 'StopAuthorized' } as const
const CONTEXT = { started: 'Transaction.Begin', meter: 'Sample.Periodic', ended: 'Transaction.End' } as const

export const v201: Dialect = {
  version: '2.0.1',
  stepMilliWh: 1,
  boot: () => ({
    action: 'BootNotification',
    payload: { reason: 'PowerUp', chargingStation: { vendorName: 'World', model: 'Two' } },
  }),
  authorize: (token) => ({
    action: 'Authorize',
    payload: { idToken: { idToken: token, type: 'ISO14443' } },
  }),
  status: (evseId, isOccupied, timestamp) => ({
    action: 'StatusNotification',
    payload: { evseId, connectorId: 1, connectorStatus: isOccupied ? 'Occupied' : 'Available', timestamp },
  }),
  session({ kind, session, at, milliWh, currentMa, phases, reason, seqNo, isLate }) {
    const values = sampled(milliWh, currentMa, phases).map(({ unit, value, ...rest }) => ({
      ...rest,
      value: Number(value),
      unitOfMeasure: { unit },
      context: CONTEXT[kind],
    }))
    return {
      action: 'TransactionEvent',
      payload: {
        eventType: EVENT[kind],
        timestamp: at,
        triggerReason: TRIGGER[kind],
        seqNo,
        ...(isLate ? { offline: true } : {}),
        transactionInfo: {
          transactionId: session.transactionId,
          ...(kind === 'ended' ? { stoppedReason: reason } : { chargingState: 'Charging' }),
        },
        evse: { id: session.connector, connectorId: 1 },
        ...(kind === 'meter' ? {} : { idToken: { idToken: session.token, type: 'ISO14443' } }),
        meterValue: [{ timestamp: at, sampledValue: values }],
      },
    }
  },
  read(_message, answer) {
    const status = (answer.idTokenInfo as { status?: string } | undefined)?.status
    return status === undefined ? {} : { status }
  },
}
