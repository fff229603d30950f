/** Components and variables of OCPP 2.0.1 (part 2, appendix 3) over the station's settings. */
import { instant } from '@switchyard/protocol/instant.ts'
import type * as v201 from '@switchyard/protocol/ocpp/v201.ts'
import { VOLTAGE_V } from '../../car/car.ts'
import { MAX_PERIODS, MAX_PROFILES, MAX_STACK_LEVEL } from '../limits/profile-store.ts'
import { MEASURANDS, SETTING_KINDS, type SettingValues } from '../settings.ts'
import type { Station } from '../station.ts'
import { CONNECTOR } from './evse.ts'

/** Variables in one GetVariables or SetVariables. */
export const VARIABLES_PER_MESSAGE = 50
/** Variables in one NotifyReport; a longer report comes in parts. */
const REPORT_PART = 20

interface Place {
  component: string
  /** EVSE that it belongs to. */
  evseId?: number
  variable: string
  instance?: string
}

type Variable = Place &
  (
    | { setting: keyof SettingValues; unit?: string }
    | { value: (station: Station) => string; dataType: v201.DataEnumType; unit?: string }
  )

const SETTINGS: readonly Variable[] = [
  { component: 'AlignedDataCtrlr', variable: 'Interval', setting: 'alignedIntervalS', unit: 's' },
  { component: 'AlignedDataCtrlr', variable: 'Measurands', setting: 'alignedMeasurands' },
  { component: 'AuthCacheCtrlr', variable: 'Enabled', setting: 'authorizationCache' },
  { component: 'AuthCtrlr', variable: 'AuthorizeRemoteStart', setting: 'authorizeRemote' },
  { component: 'AuthCtrlr', variable: 'LocalAuthorizeOffline', setting: 'localAuthorizeOffline' },
  { component: 'AuthCtrlr', variable: 'OfflineTxForUnknownIdEnabled', setting: 'allowOfflineUnknown' },
  { component: 'OCPPCommCtrlr', variable: 'HeartbeatInterval', setting: 'heartbeatIntervalS', unit: 's' },
  {
    component: 'OCPPCommCtrlr',
    variable: 'MessageAttemptInterval',
    instance: 'TransactionEvent',
    setting: 'messageRetryIntervalS',
    unit: 's',
  },
  {
    component: 'OCPPCommCtrlr',
    variable: 'MessageAttempts',
    instance: 'TransactionEvent',
    setting: 'messageAttempts',
  },
  { component: 'OCPPCommCtrlr', variable: 'WebSocketPingInterval', setting: 'pingIntervalS', unit: 's' },
  { component: 'SampledDataCtrlr', variable: 'TxEndedMeasurands', setting: 'endedMeasurands' },
  { component: 'SampledDataCtrlr', variable: 'TxStartedMeasurands', setting: 'startedMeasurands' },
  { component: 'SampledDataCtrlr', variable: 'TxUpdatedInterval', setting: 'sampleIntervalS', unit: 's' },
  { component: 'SampledDataCtrlr', variable: 'TxUpdatedMeasurands', setting: 'sampledMeasurands' },
  { component: 'TxCtrlr', variable: 'EVConnectionTimeOut', setting: 'connectionTimeoutS', unit: 's' },
  { component: 'TxCtrlr', variable: 'StopTxOnEVSideDisconnect', setting: 'stopOnEvDisconnect' },
  { component: 'TxCtrlr', variable: 'StopTxOnInvalidId', setting: 'stopOnInvalidId' },
]

const FACTS: readonly Variable[] = [
  fixed('AlignedDataCtrlr', 'Available', 'true', 'boolean'),
  fixed('AlignedDataCtrlr', 'Enabled', 'true', 'boolean'),
  fixed('AuthCtrlr', 'LocalPreAuthorize', 'false', 'boolean'),
  fixed('ClockCtrlr', 'TimeSource', 'Heartbeat', 'SequenceList'),
  {
    component: 'ClockCtrlr',
    variable: 'DateTime',
    value: (station) => instant(station.nowMs()),
    dataType: 'dateTime',
  },
  fixed('DeviceDataCtrlr', 'ItemsPerMessage', String(VARIABLES_PER_MESSAGE), 'integer', 'GetVariables'),
  fixed('DeviceDataCtrlr', 'ItemsPerMessage', String(VARIABLES_PER_MESSAGE), 'integer', 'SetVariables'),
  fixed('SampledDataCtrlr', 'Available', 'true', 'boolean'),
  fixed('SampledDataCtrlr', 'Enabled', 'true', 'boolean'),
  fixed('SampledDataCtrlr', 'TxEndedInterval', '0', 'integer'),
  fixed('SmartChargingCtrlr', 'Available', 'true', 'boolean'),
  fixed('SmartChargingCtrlr', 'Enabled', 'true', 'boolean'),
  fixed('SmartChargingCtrlr', 'Entries', String(MAX_PROFILES), 'integer', 'ChargingProfiles'),
  fixed('SmartChargingCtrlr', 'PeriodsPerSchedule', String(MAX_PERIODS), 'integer'),
  fixed('SmartChargingCtrlr', 'Phases3to1', 'true', 'boolean'),
  fixed('SmartChargingCtrlr', 'ProfileStackLevel', String(MAX_STACK_LEVEL), 'integer'),
  fixed('SmartChargingCtrlr', 'RateUnit', 'A,W', 'MemberList'),
  fixed('TxCtrlr', 'TxStartPoint', 'PowerPathClosed', 'MemberList'),
  fixed('TxCtrlr', 'TxStopPoint', 'PowerPathClosed', 'MemberList'),
]

function fixed(
  component: string,
  variable: string,
  value: string,
  dataType: v201.DataEnumType,
  instance?: string,
): Variable {
  return {
    component,
    variable,
    value: () => value,
    dataType,
    ...(instance === undefined ? {} : { instance }),
  }
}

/** All variables of a station, those of its EVSEs among them. */
function variablesOf(station: Station): Variable[] {
  const evses = station.connectors.flatMap((connector): Variable[] => [
    {
      component: 'EVSE',
      evseId: connector.id,
      variable: 'AvailabilityState',
      value: () => station.dialect.statusWord(connector.status()),
      dataType: 'OptionList',
    },
    {
      component: 'EVSE',
      evseId: connector.id,
      variable: 'Power',
      value: () => String((connector.hardware.currentMa * connector.hardware.phases * VOLTAGE_V) / 1000),
      dataType: 'decimal',
      unit: 'W',
    },
    {
      component: 'EVSE',
      evseId: connector.id,
      variable: 'SupplyPhases',
      value: () => String(connector.hardware.phases),
      dataType: 'integer',
    },
  ])
  return [...SETTINGS, ...FACTS, ...evses]
}

function find(station: Station, component: v201.ComponentType, variable: v201.VariableType) {
  const ofComponent = variablesOf(station).filter(
    (it) => same(it.component, component.name) && it.evseId === component.evse?.id,
  )
  if (ofComponent.length === 0) return 'UnknownComponent' as const
  const instance = variable.instance ?? ''
  const found = ofComponent.find(
    (it) => same(it.variable, variable.name) && same(it.instance ?? '', instance),
  )
  return found ?? ('UnknownVariable' as const)
}

/** Names are not case sensitive (part 1, section 4.2). */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function read(station: Station, variable: Variable): string {
  return 'setting' in variable ? station.settings.text(variable.setting) : variable.value(station)
}

export function getVariable(station: Station, data: v201.GetVariableDataType): v201.GetVariableResultType {
  const { component, variable, attributeType = 'Actual' } = data
  const place = { component, variable, attributeType }
  const found = find(station, component, variable)
  if (typeof found === 'string') return { ...place, attributeStatus: found }
  if (attributeType !== 'Actual') return { ...place, attributeStatus: 'NotSupportedAttributeType' }
  return { ...place, attributeStatus: 'Accepted', attributeValue: read(station, found) }
}

/** Sets one variable; what it changes, changes at once. */
export function setVariable(station: Station, data: v201.SetVariableDataType): v201.SetVariableResultType {
  const { component, variable, attributeType = 'Actual' } = data
  const place = { component, variable, attributeType }
  const found = find(station, component, variable)
  if (typeof found === 'string') return { ...place, attributeStatus: found }
  if (attributeType !== 'Actual') return { ...place, attributeStatus: 'NotSupportedAttributeType' }
  const refusal =
    'setting' in found ? station.settings.set(found.setting, data.attributeValue) : 'it cannot be changed'
  if (refusal === undefined) return { ...place, attributeStatus: 'Accepted' }
  return {
    ...place,
    attributeStatus: 'Rejected',
    attributeStatusInfo: { reasonCode: 'InvalidValue', additionalInfo: refusal },
  }
}

/** The station's whole inventory, in parts; with `settingsOnly` what can be set (B07). */
export function reportParts(station: Station, settingsOnly: boolean): v201.ReportDataType[][] {
  const entries = variablesOf(station)
    .filter((it) => !settingsOnly || 'setting' in it)
    .map((it) => describe(station, it))
  const parts: v201.ReportDataType[][] = []
  for (let at = 0; at < entries.length; at += REPORT_PART) parts.push(entries.slice(at, at + REPORT_PART))
  return parts
}

function describe(station: Station, it: Variable): v201.ReportDataType {
  const kind = 'setting' in it ? SETTING_KINDS[it.setting] : undefined
  return {
    component: {
      name: it.component,
      ...(it.evseId === undefined ? {} : { evse: { id: it.evseId, connectorId: CONNECTOR } }),
    },
    variable: { name: it.variable, ...(it.instance === undefined ? {} : { instance: it.instance }) },
    variableAttribute: [
      { type: 'Actual', value: read(station, it), mutability: kind ? 'ReadWrite' : 'ReadOnly' },
    ],
    variableCharacteristics: {
      dataType: 'setting' in it ? dataTypeOf(it.setting) : it.dataType,
      supportsMonitoring: false,
      ...(it.unit === undefined ? {} : { unit: it.unit }),
      ...(kind?.kind === 'integer' ? { minLimit: kind.min, maxLimit: kind.max } : {}),
      ...(kind?.kind === 'measurands' ? { valuesList: MEASURANDS.join(',') } : {}),
    },
  }
}

function dataTypeOf(setting: keyof SettingValues): v201.DataEnumType {
  switch (SETTING_KINDS[setting].kind) {
    case 'integer':
      return 'integer'
    case 'boolean':
      return 'boolean'
    case 'measurands':
      return 'MemberList'
    case 'text':
      return 'string'
  }
}
