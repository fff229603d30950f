/** What a station says in OCPP 1.6. */
import { instant } from '@switchyard/protocol/instant.ts'
import type * as v16 from '@switchyard/protocol/ocpp/v16.ts'
import type { Call, Dialect } from '../dialect.ts'
import type { Reading, ReadingContext, SessionMessage } from '../session.ts'

/** Errata of 1.6: the id in a stop whose start was never answered. */
const UNKNOWN_TRANSACTION = -1

function call<A extends v16.Action>(action: A, payload: v16.Messages[A]['request']): Call {
  return { action, payload }
}

export const dialect16: Dialect = {
  version: '1.6',
  registerStepMilliWh: 1_000,
  boot: ({ vendor, model, serial, firmware }) =>
    call('BootNotification', {
      chargePointVendor: vendor,
      chargePointModel: model,
      chargePointSerialNumber: serial,
      firmwareVersion: firmware,
    }),
  readBoot(answer) {
    const { status, currentTime, interval } = answer as v16.BootNotificationResponse
    return { status, currentTime, intervalS: interval }
  },
  authorize: (idToken) => call('Authorize', { idTag: idToken }),
  readAuthorize: (answer) => (answer as v16.AuthorizeResponse).idTagInfo.status,
  statusWord: (status) => status,
  status: (connectorId, status, atMs) =>
    call('StatusNotification', { connectorId, errorCode: 'NoError', status, timestamp: instant(atMs) }),
  session: toCall,
  readSession(message, answer) {
    if (message.kind === 'started') {
      const { transactionId, idTagInfo } = answer as v16.StartTransactionResponse
      return { transactionId: String(transactionId), authorization: idTagInfo.status }
    }
    if (message.kind !== 'ended') return {}
    const { idTagInfo } = answer as v16.StopTransactionResponse
    return idTagInfo ? { authorization: idTagInfo.status } : {}
  },
  meter: (connectorId, context, readings, atMs) =>
    call('MeterValues', { connectorId, meterValue: [meterValue(context, readings, atMs)] }),
  reason: (reason) => reason,
}

function toCall(message: SessionMessage, transactionId: string | null): Call | undefined {
  const { connectorId, atMs, readings, registerMilliWh } = message
  // Whole by the dialect's register step.
  const registerWh = registerMilliWh / 1_000
  switch (message.kind) {
    case 'started':
      return call('StartTransaction', {
        connectorId,
        idTag: message.idToken,
        meterStart: registerWh,
        timestamp: instant(atMs),
      })
    case 'meter':
      if (readings.length === 0) return undefined
      return call('MeterValues', {
        connectorId,
        ...(transactionId === null ? {} : { transactionId: Number(transactionId) }),
        meterValue: [meterValue(message.context, readings, atMs)],
      })
    case 'state':
      return undefined
    case 'ended':
      return call('StopTransaction', {
        transactionId: transactionId === null ? UNKNOWN_TRANSACTION : Number(transactionId),
        meterStop: registerWh,
        timestamp: instant(atMs),
        reason: message.reason,
        ...(message.stoppedBy === undefined ? {} : { idTag: message.stoppedBy }),
        ...(readings.length === 0
          ? {}
          : { transactionData: [meterValue('Transaction.End', readings, atMs)] }),
      })
  }
}

function meterValue(context: ReadingContext, readings: Reading[], atMs: number): v16.MeterValue {
  return {
    timestamp: instant(atMs),
    sampledValue: readings.map(
      ({ measurand, value, unit, phase, location }): v16.SampledValue => ({
        value,
        context,
        measurand: measurand as NonNullable<v16.SampledValue['measurand']>,
        unit: unit as NonNullable<v16.SampledValue['unit']>,
        location: location ?? 'Outlet',
        // 1.6 speaks of a voltage between a phase and neutral.
        ...(phase === undefined ? {} : { phase: measurand === 'Voltage' ? (`${phase}-N` as const) : phase }),
      }),
    ),
  }
}
