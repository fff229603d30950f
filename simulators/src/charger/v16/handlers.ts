/** What the central system may ask of a station in OCPP 1.6, and what comes of it. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type * as v16 from '@switchyard/protocol/ocpp/v16.ts'
import {
  changeAvailability,
  compositeOf,
  type Handlers,
  installProfile,
  remoteStart,
  remoteStop,
  triggerMeterValues,
} from '../operations.ts'
import { type Answer, Refusal } from '../rpc.ts'
import type { Station } from '../station.ts'
import { changeConfiguration, getConfiguration } from './configuration.ts'
import { readProfile, readPurpose } from './profiles.ts'

/** Action -> handler; what stands in the schemas and not here is answered with NotSupported. */
const HANDLERS: Handlers<v16.Messages> = {
  ChangeAvailability: (station, { connectorId, type }) => {
    const outcome = changeAvailability(station, connectorId, type === 'Operative')
    return { payload: { status: outcome.status }, afterwards: outcome.afterwards }
  },

  ChangeConfiguration: (station, { key, value }) => ({
    payload: { status: changeConfiguration(station, key, value) },
  }),

  ClearCache: (station) => {
    station.authorization.clear()
    return { payload: { status: 'Accepted' } }
  },

  ClearChargingProfile: (station, { id, connectorId, chargingProfilePurpose, stackLevel }) => {
    const cleared = station.profiles.clear({
      ...(id === undefined ? {} : { id }),
      ...(connectorId === undefined ? {} : { connectorId }),
      ...(chargingProfilePurpose === undefined ? {} : { purpose: readPurpose(chargingProfilePurpose) }),
      ...(stackLevel === undefined ? {} : { stackLevel }),
    })
    station.limitsChanged()
    return { payload: { status: cleared > 0 ? 'Accepted' : 'Unknown' } }
  },

  DataTransfer: () => ({ payload: { status: 'UnknownVendorId' } }),

  GetCompositeSchedule: (station, { connectorId, duration, chargingRateUnit = 'A' }) => {
    const composite = compositeOf(station, connectorId, duration, chargingRateUnit)
    if (!composite) return { payload: { status: 'Rejected' } }
    const scheduleStart = instant(composite.fromMs)
    return {
      payload: {
        status: 'Accepted',
        connectorId,
        scheduleStart,
        chargingSchedule: {
          duration: composite.durationS,
          startSchedule: scheduleStart,
          chargingRateUnit,
          chargingSchedulePeriod: composite.periods.map(({ startS, limit, numberPhases }) => ({
            startPeriod: startS,
            limit,
            numberPhases,
          })),
        },
      },
    }
  },

  GetConfiguration: (station, { key }) => ({ payload: getConfiguration(station, key) }),

  RemoteStartTransaction: (station, { connectorId, idTag, chargingProfile }) => {
    const afterwards = remoteStart(station, {
      idToken: idTag,
      ...(connectorId === undefined ? {} : { connectorId }),
      ...(chargingProfile === undefined ? {} : { profile: readProfile(chargingProfile) }),
    })
    return afterwards ? { payload: { status: 'Accepted' }, afterwards } : { payload: { status: 'Rejected' } }
  },

  RemoteStopTransaction: (station, { transactionId }) => {
    const afterwards = remoteStop(station, String(transactionId))
    return afterwards ? { payload: { status: 'Accepted' }, afterwards } : { payload: { status: 'Rejected' } }
  },

  Reset: (station, { type }) => ({
    payload: { status: 'Accepted' },
    afterwards: () => station.restart.reset(type),
  }),

  SetChargingProfile: (station, { connectorId, csChargingProfiles }) => ({
    payload: {
      status: installProfile(station, connectorId, readProfile(csChargingProfiles)) ? 'Rejected' : 'Accepted',
    },
  }),

  TriggerMessage: (station, { requestedMessage, connectorId }) =>
    trigger(station, requestedMessage, connectorId),

  UnlockConnector: (station, { connectorId }) => {
    const connector = station.connectors[connectorId - 1]
    if (!connector) return { payload: { status: 'NotSupported' } }
    return {
      payload: { status: 'Unlocked' },
      // Section 5.18: a transaction is finished first.
      afterwards: () => station.stop(connector, 'UnlockCommand'),
    }
  },
}

/** Answers one call; the payload has been validated. */
export function handle16(station: Station, action: string, payload: JsonObject): Answer {
  const handler = HANDLERS[action as v16.Action] as
    | ((station: Station, request: JsonObject) => Answer)
    | undefined
  if (!handler) throw new Refusal('NotSupported', `this station does not support ${action}`)
  return handler(station, payload)
}

function trigger(
  station: Station,
  message: v16.TriggerMessageRequest['requestedMessage'],
  connectorId: number | undefined,
): { payload: v16.TriggerMessageResponse; afterwards?: () => void } {
  const connectors =
    connectorId === undefined ? station.connectors : station.connectors.filter((it) => it.id === connectorId)
  const concernsStation = message === 'BootNotification' || message === 'Heartbeat'
  const stationStatus = message === 'StatusNotification' && connectorId === 0
  if (connectors.length === 0 && !concernsStation && !stationStatus) {
    return { payload: { status: 'Rejected' } }
  }
  const accepted = (afterwards: () => void) => ({ payload: { status: 'Accepted' as const }, afterwards })
  switch (message) {
    case 'BootNotification':
      return accepted(() => station.registration.boot('Triggered'))
    case 'Heartbeat':
      return accepted(() => station.registration.heartbeat())
    case 'StatusNotification':
      return accepted(() => {
        if (connectorId === undefined || connectorId === 0) station.statuses.tellStation()
        for (const connector of connectors) station.statuses.tell(connector, true)
      })
    case 'MeterValues':
      return accepted(() => {
        for (const connector of connectors) triggerMeterValues(station, connector)
      })
    default:
      return { payload: { status: 'NotImplemented' } }
  }
}
