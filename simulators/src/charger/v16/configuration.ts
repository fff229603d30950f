/** Configuration keys of OCPP 1.6 (section 9) over the station's settings. */
import type * as v16 from '@switchyard/protocol/ocpp/v16.ts'
import { MAX_PERIODS, MAX_PROFILES, MAX_STACK_LEVEL } from '../limits/profile-store.ts'
import type { SettingValues } from '../settings.ts'
import type { Station } from '../station.ts'

/** Keys in one GetConfiguration; more are left unanswered by refusal. */
export const GET_CONFIGURATION_MAX_KEYS = 50

/** Key -> setting behind it. */
const WRITABLE: Readonly<Record<string, keyof SettingValues>> = {
  AllowOfflineTxForUnknownId: 'allowOfflineUnknown',
  AuthorizationCacheEnabled: 'authorizationCache',
  AuthorizeRemoteTxRequests: 'authorizeRemote',
  ClockAlignedDataInterval: 'alignedIntervalS',
  ConnectionTimeOut: 'connectionTimeoutS',
  ConnectorPhaseRotation: 'phaseRotation',
  HeartbeatInterval: 'heartbeatIntervalS',
  LocalAuthorizeOffline: 'localAuthorizeOffline',
  MeterValuesAlignedData: 'alignedMeasurands',
  MeterValuesSampledData: 'sampledMeasurands',
  MeterValueSampleInterval: 'sampleIntervalS',
  StopTransactionOnEVSideDisconnect: 'stopOnEvDisconnect',
  StopTransactionOnInvalidId: 'stopOnInvalidId',
  StopTxnSampledData: 'endedMeasurands',
  TransactionMessageAttempts: 'messageAttempts',
  TransactionMessageRetryInterval: 'messageRetryIntervalS',
  WebSocketPingInterval: 'pingIntervalS',
}

/** Key -> what it always is here. */
const FIXED: Readonly<Record<string, (station: Station) => string>> = {
  ChargeProfileMaxStackLevel: () => String(MAX_STACK_LEVEL),
  ChargingScheduleAllowedChargingRateUnit: () => 'Current,Power',
  ChargingScheduleMaxPeriods: () => String(MAX_PERIODS),
  ConnectorSwitch3to1PhaseSupported: () => 'true',
  GetConfigurationMaxKeys: () => String(GET_CONFIGURATION_MAX_KEYS),
  LocalPreAuthorize: () => 'false',
  MaxChargingProfilesInstalled: () => String(MAX_PROFILES),
  NumberOfConnectors: (station) => String(station.connectors.length),
  ResetRetries: () => '0',
  StopTxnAlignedData: () => '',
  SupportedFeatureProfiles: () => 'Core,SmartCharging,RemoteTrigger',
  UnlockConnectorOnEVSideDisconnect: () => 'true',
}

/** All keys, or those asked for. */
export function getConfiguration(
  station: Station,
  keys: readonly string[] | undefined,
): v16.GetConfigurationResponse {
  const asked = keys && keys.length > 0 ? keys : [...Object.keys(WRITABLE), ...Object.keys(FIXED)].sort()
  const configurationKey: v16.ConfigurationKey[] = []
  const unknownKey: string[] = []
  for (const key of asked) {
    const setting = own(WRITABLE, key)
    const fixed = own(FIXED, key)
    if (setting) configurationKey.push({ key, readonly: false, value: station.settings.text(setting) })
    else if (fixed) configurationKey.push({ key, readonly: true, value: fixed(station) })
    else unknownKey.push(key)
  }
  return { configurationKey, ...(unknownKey.length > 0 ? { unknownKey } : {}) }
}

/** Changes one key; what it changes, changes at once. */
export function changeConfiguration(
  station: Station,
  key: string,
  value: string,
): v16.ChangeConfigurationResponse['status'] {
  const setting = own(WRITABLE, key)
  if (!setting) return own(FIXED, key) ? 'Rejected' : 'NotSupported'
  return station.settings.set(setting, value) === undefined ? 'Accepted' : 'Rejected'
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
