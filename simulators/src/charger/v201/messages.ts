/** What a station says in OCPP 2.0.1. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type * as v201 from '@switchyard/protocol/ocpp/v201.ts'
import type { ConnectorStatus } from '../connector.ts'
import type { Call, Dialect } from '../dialect.ts'
import type { Reading, ReadingContext, SessionMessage, StartTrigger, StopReason } from '../session.ts'
import { CONNECTOR } from './evse.ts'

const REASONS: Readonly<Record<StopReason, v201.ReasonEnumType>> = {
  Local: 'Local',
  Remote: 'Remote',
  EVDisconnected: 'EVDisconnected',
  DeAuthorized: 'DeAuthorized',
  SoftReset: 'Reboot',
  HardReset: 'ImmediateReset',
  UnlockCommand: 'Other',
}

const STOP_TRIGGERS: Readonly<Record<StopReason, v201.TriggerReasonEnumType>> = {
  Local: 'StopAuthorized',
  Remote: 'RemoteStop',
  EVDisconnected: 'EVCommunicationLost',
  DeAuthorized: 'Deauthorized',
  SoftReset: 'ResetCommand',
  HardReset: 'ResetCommand',
  UnlockCommand: 'UnlockCommand',
}

const START_TRIGGERS: Readonly<Record<StartTrigger, v201.TriggerReasonEnumType>> = {
  authorised: 'Authorized',
  'plugged-in': 'CablePluggedIn',
  remote: 'RemoteStart',
}

function call<A extends v201.Action>(action: A, payload: v201.Messages[A]['request']): Call {
  return { action, payload }
}

export const dialect201: Dialect = {
  version: '2.0.1',
  registerStepMilliWh: 1,
  boot: ({ vendor, model, serial, firmware }, reason) =>
    call('BootNotification', {
      reason,
      chargingStation: { vendorName: vendor, model, serialNumber: serial, firmwareVersion: firmware },
    }),
  readBoot(answer) {
    const { status, currentTime, interval } = answer as v201.BootNotificationResponse
    return { status, currentTime, intervalS: interval }
  },
  authorize: (idToken, tokenType) => call('Authorize', { idToken: tokenOf(idToken, tokenType) }),
  readAuthorize: (answer) => (answer as v201.AuthorizeResponse).idTokenInfo.status,
  statusWord,
  status: (connectorId, status, atMs) =>
    call('StatusNotification', {
      timestamp: instant(atMs),
      connectorStatus: statusWord(status),
      evseId: connectorId,
      connectorId: CONNECTOR,
    }),
  session: (message) => call('TransactionEvent', transactionEvent(message)),
  readSession(_message: SessionMessage, answer: JsonObject) {
    const { idTokenInfo } = answer as v201.TransactionEventResponse
    return idTokenInfo ? { authorization: idTokenInfo.status } : {}
  },
  meter: (connectorId, context, readings, atMs) =>
    call('MeterValues', { evseId: connectorId, meterValue: meterValues(context, readings, atMs) }),
  reason: (reason) => REASONS[reason],
}

/** What the simulated drivers carry are contactless cards. */
function tokenOf(idToken: string, tokenType = 'ISO14443'): v201.IdTokenType {
  return { idToken, type: tokenType as v201.IdTokenEnumType }
}

function statusWord(status: ConnectorStatus): v201.ConnectorStatusEnumType {
  if (status === 'Available' || status === 'Unavailable') return status
  return 'Occupied'
}

function transactionEvent(message: SessionMessage): v201.TransactionEventRequest {
  const { sessionKey, connectorId, seqNo, atMs, offline, readings } = message
  const head = {
    timestamp: instant(atMs),
    seqNo,
    offline,
    evse: { id: connectorId, connectorId: CONNECTOR },
  }
  const transaction = { transactionId: sessionKey }
  switch (message.kind) {
    case 'started':
      return {
        ...head,
        eventType: 'Started',
        triggerReason: START_TRIGGERS[message.trigger],
        transactionInfo: {
          ...transaction,
          chargingState: message.state,
          ...(message.remoteStartId === undefined ? {} : { remoteStartId: message.remoteStartId }),
        },
        idToken: tokenOf(message.idToken, message.tokenType),
        ...withMeter('Transaction.Begin', readings, atMs),
      }
    case 'meter':
      return {
        ...head,
        eventType: 'Updated',
        triggerReason: meterTrigger(message.context),
        transactionInfo: { ...transaction, chargingState: message.state },
        ...withMeter(message.context, readings, atMs),
      }
    case 'state':
      return {
        ...head,
        eventType: 'Updated',
        triggerReason: 'ChargingStateChanged',
        transactionInfo: { ...transaction, chargingState: message.state },
        ...withMeter('Other', readings, atMs),
      }
    case 'ended':
      return {
        ...head,
        eventType: 'Ended',
        triggerReason: STOP_TRIGGERS[message.reason],
        transactionInfo: {
          ...transaction,
          chargingState: message.reason === 'EVDisconnected' ? 'Idle' : 'EVConnected',
          stoppedReason: REASONS[message.reason],
        },
        ...(message.stoppedBy === undefined
          ? {}
          : { idToken: tokenOf(message.stoppedBy, message.tokenType) }),
        ...withMeter('Transaction.End', readings, atMs),
      }
  }
}

function meterTrigger(context: ReadingContext): v201.TriggerReasonEnumType {
  if (context === 'Sample.Clock') return 'MeterValueClock'
  return context === 'Trigger' ? 'Trigger' : 'MeterValuePeriodic'
}

function withMeter(context: ReadingContext, readings: Reading[], atMs: number) {
  return readings.length === 0 ? {} : { meterValue: meterValues(context, readings, atMs) }
}

function meterValues(context: ReadingContext, readings: Reading[], atMs: number): v201.MeterValueType[] {
  const sampledValue = readings.map(
    ({ measurand, value, unit, phase, location }): v201.SampledValueType => ({
      // JSON has numbers only: a register of 15 digits at most keeps its decimals.
      value: Number(value),
      context,
      measurand: measurand as v201.MeasurandEnumType,
      location: location ?? 'Outlet',
      unitOfMeasure: { unit },
      ...(phase === undefined ? {} : { phase: measurand === 'Voltage' ? (`${phase}-N` as const) : phase }),
    }),
  )
  return [{ timestamp: instant(atMs), sampledValue }]
}
