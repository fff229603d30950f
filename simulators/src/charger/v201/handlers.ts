/** What the CSMS may ask of a station in OCPP 2.0.1, and what comes of it. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type * as v201 from '@switchyard/protocol/ocpp/v201.ts'
import type { InstalledProfile } from '../limits/profile.ts'
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
import { CONNECTOR } from './evse.ts'
import { readProfile, readPurpose, writeProfile } from './profiles.ts'
import { getVariable, reportParts, setVariable, VARIABLES_PER_MESSAGE } from './variables.ts'

/** Action -> handler; what stands in the schemas and not here is answered with NotSupported. */
const HANDLERS: Handlers<v201.Messages> = {
  ChangeAvailability: (station, { evse, operationalStatus }) => {
    const outcome = changeAvailability(station, evse?.id ?? 0, operationalStatus === 'Operative')
    return { payload: { status: outcome.status }, afterwards: outcome.afterwards }
  },

  ClearCache: (station) => {
    station.authorization.clear()
    return { payload: { status: 'Accepted' } }
  },

  ClearChargingProfile: (station, { chargingProfileId, chargingProfileCriteria }) => {
    const { evseId, chargingProfilePurpose, stackLevel } = chargingProfileCriteria ?? {}
    const purpose = chargingProfilePurpose && readPurpose(chargingProfilePurpose)
    if (chargingProfilePurpose && !purpose) return { payload: { status: 'Unknown' } }
    const cleared = station.profiles.clear({
      ...(chargingProfileId === undefined ? {} : { id: chargingProfileId }),
      ...(evseId === undefined ? {} : { connectorId: evseId }),
      ...(purpose === undefined ? {} : { purpose }),
      ...(stackLevel === undefined ? {} : { stackLevel }),
    })
    station.limitsChanged()
    return { payload: { status: cleared > 0 ? 'Accepted' : 'Unknown' } }
  },

  DataTransfer: () => ({ payload: { status: 'UnknownVendorId' } }),

  GetBaseReport: (station, { requestId, reportBase }) => {
    // A summary lists what is amiss, and nothing here ever is (B07.FR.03).
    const parts =
      reportBase === 'SummaryInventory' ? [] : reportParts(station, reportBase === 'ConfigurationInventory')
    if (parts.length === 0) return { payload: { status: 'EmptyResultSet' } }
    return { payload: { status: 'Accepted' }, afterwards: () => sendReport(station, requestId, parts) }
  },

  GetChargingProfiles: (station, { requestId, evseId, chargingProfile }) => {
    const { chargingProfilePurpose, stackLevel, chargingProfileId, chargingLimitSource } = chargingProfile
    const purpose = chargingProfilePurpose && readPurpose(chargingProfilePurpose)
    const found = station.profiles.installed.filter(
      (it) =>
        (evseId === undefined || it.connectorId === evseId) &&
        (chargingProfilePurpose === undefined || it.profile.purpose === purpose) &&
        (stackLevel === undefined || it.profile.stackLevel === stackLevel) &&
        (chargingProfileId === undefined || chargingProfileId.includes(it.profile.id)) &&
        (chargingLimitSource === undefined || chargingLimitSource.includes('CSO')),
    )
    if (found.length === 0) return { payload: { status: 'NoProfiles' } }
    return { payload: { status: 'Accepted' }, afterwards: () => reportProfiles(station, requestId, found) }
  },

  GetCompositeSchedule: (station, { evseId, duration, chargingRateUnit = 'A' }) => {
    const composite = compositeOf(station, evseId, duration, chargingRateUnit)
    if (!composite) return { payload: { status: 'Rejected' } }
    return {
      payload: {
        status: 'Accepted',
        schedule: {
          evseId,
          duration: composite.durationS,
          scheduleStart: instant(composite.fromMs),
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

  GetTransactionStatus: (station, { transactionId }) => {
    const { messages } = station.queue
    if (transactionId === undefined) return { payload: { messagesInQueue: messages.length > 0 } }
    return {
      payload: {
        ongoingIndicator: station.connectorOfTransaction(transactionId) !== undefined,
        messagesInQueue: messages.some((it) => it.sessionKey === transactionId),
      },
    }
  },

  GetVariables: (station, { getVariableData }) => {
    bounded(getVariableData)
    return { payload: { getVariableResult: getVariableData.map((it) => getVariable(station, it)) } }
  },

  RequestStartTransaction: (station, { evseId, idToken, remoteStartId, chargingProfile }) => {
    const profile = chargingProfile && readProfile(chargingProfile)
    if (typeof profile === 'string') return { payload: { status: 'Rejected' } }
    const afterwards = remoteStart(station, {
      idToken: idToken.idToken,
      tokenType: idToken.type,
      remoteStartId,
      ...(evseId === undefined ? {} : { connectorId: evseId }),
      ...(profile === undefined ? {} : { profile }),
    })
    return afterwards ? { payload: { status: 'Accepted' }, afterwards } : { payload: { status: 'Rejected' } }
  },

  RequestStopTransaction: (station, { transactionId }) => {
    const afterwards = remoteStop(station, transactionId)
    return afterwards ? { payload: { status: 'Accepted' }, afterwards } : { payload: { status: 'Rejected' } }
  },

  Reset: (station, { type, evseId }) => {
    // The EVSEs share one controller: none restarts alone (B11.FR.09).
    if (evseId !== undefined) return { payload: { status: 'Rejected' } }
    if (type === 'Immediate') {
      return { payload: { status: 'Accepted' }, afterwards: () => station.restart.reset('Hard') }
    }
    const busy = station.connectors.some((it) => it.session)
    return {
      payload: { status: busy ? 'Scheduled' : 'Accepted' },
      afterwards: () => station.restart.reset('OnIdle'),
    }
  },

  SetChargingProfile: (station, { evseId, chargingProfile }) => {
    const profile = readProfile(chargingProfile)
    const refusal = typeof profile === 'string' ? profile : installProfile(station, evseId, profile)
    if (refusal === undefined) return { payload: { status: 'Accepted' } }
    const statusInfo = { reasonCode: 'InvalidProfile', additionalInfo: refusal }
    return { payload: { status: 'Rejected', statusInfo } }
  },

  SetVariables: (station, { setVariableData }) => {
    bounded(setVariableData)
    return { payload: { setVariableResult: setVariableData.map((it) => setVariable(station, it)) } }
  },

  TriggerMessage: (station, { requestedMessage, evse }) => trigger(station, requestedMessage, evse?.id),

  UnlockConnector: (station, { evseId, connectorId }) => {
    const connector = station.connectors[evseId - 1]
    if (!connector || connectorId !== CONNECTOR) return { payload: { status: 'UnknownConnector' } }
    return { payload: { status: connector.session ? 'OngoingAuthorizedTransaction' : 'Unlocked' } }
  },
}

/** Answers one call; the payload has been validated. */
export function handle201(station: Station, action: string, payload: JsonObject): Answer {
  const handler = HANDLERS[action as v201.Action] as
    | ((station: Station, request: JsonObject) => Answer)
    | undefined
  if (!handler) throw new Refusal('NotSupported', `this station does not support ${action}`)
  return handler(station, payload)
}

function bounded(items: readonly unknown[]): void {
  if (items.length > VARIABLES_PER_MESSAGE) {
    throw new Refusal('OccurrenceConstraintViolation', `at most ${VARIABLES_PER_MESSAGE} variables at once`)
  }
}

function sendReport(station: Station, requestId: number, parts: v201.ReportDataType[][]): void {
  const generatedAt = instant(station.nowMs())
  for (const [seqNo, reportData] of parts.entries()) {
    const payload = { requestId, generatedAt, seqNo, tbc: seqNo + 1 < parts.length, reportData }
    station.tell({ action: 'NotifyReport', payload })
  }
}

function reportProfiles(station: Station, requestId: number, found: readonly InstalledProfile[]): void {
  for (const [index, { connectorId, profile }] of found.entries()) {
    const payload: v201.ReportChargingProfilesRequest = {
      requestId,
      chargingLimitSource: 'CSO',
      evseId: connectorId,
      chargingProfile: [writeProfile(profile)],
      tbc: index + 1 < found.length,
    }
    station.tell({ action: 'ReportChargingProfiles', payload })
  }
}

function trigger(
  station: Station,
  message: v201.MessageTriggerEnumType,
  evseId: number | undefined,
): { payload: v201.TriggerMessageResponse; afterwards?: () => void } {
  const connectors = station.connectors.filter((it) => evseId === undefined || it.id === evseId)
  if (connectors.length === 0) return { payload: { status: 'Rejected' } }
  const accepted = (afterwards: () => void) => ({ payload: { status: 'Accepted' as const }, afterwards })
  switch (message) {
    case 'BootNotification':
      // F06.FR.17: not once it has been accepted.
      if (station.registration.accepted) return { payload: { status: 'Rejected' } }
      return accepted(() => station.registration.boot('Triggered'))
    case 'Heartbeat':
      return accepted(() => station.registration.heartbeat())
    case 'StatusNotification':
      return accepted(() => {
        for (const connector of connectors) station.statuses.tell(connector, true)
      })
    case 'MeterValues':
      return accepted(() => {
        for (const connector of connectors) triggerMeterValues(station, connector)
      })
    case 'TransactionEvent':
      if (!connectors.some((it) => it.session)) return { payload: { status: 'Rejected' } }
      return accepted(() => {
        const { sampledMeasurands } = station.settings.values
        for (const connector of connectors) station.sessions.sample(connector, 'Trigger', sampledMeasurands)
      })
    default:
      return { payload: { status: 'NotImplemented' } }
  }
}
