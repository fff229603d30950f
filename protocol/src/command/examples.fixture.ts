/** At least one example of every command, for tests: such that every way it has in every OCPP version is taken. */
import type { z } from 'zod'
import type { COMMANDS, CommandKind } from './commands.ts'

type Examples = { [K in Exclude<CommandKind, 'ocpp.call'>]: z.input<(typeof COMMANDS)[K]['args']>[] }

const idToken = { value: 'TAG-9', type: 'ISO14443' }
const at = '2026-11-23T12:00:00Z'
const hash = {
  hashAlgorithm: 'SHA256',
  issuerNameHash: 'ab',
  issuerKeyHash: 'cd',
  serialNumber: '01',
}
const profile = (purpose: string) => ({
  id: 7,
  stackLevel: 1,
  chargingProfilePurpose: purpose,
  chargingProfileKind: 'Relative',
  chargingSchedule: [
    { id: 1, chargingRateUnit: 'A' as const, chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] },
  ],
})
const tariff = { tariffId: 't1', currency: 'EUR' }
const componentVariable = [{ component: { name: 'EVSE' }, variable: { name: 'Power' } }]

export const EXAMPLES: Examples = {
  RemoteStart: [{ idToken }, { idToken, evseId: 1, chargingProfile: profile('TxProfile') }],
  RemoteStop: [{ sessionId: 's' }, { transactionId: '7' }],
  GetTransactionStatus: [{}, { sessionId: 's' }],
  CostUpdated: [{ sessionId: 's', totalCost: 1.25 }],
  NotifyAllowedEnergyTransfer: [{ sessionId: 's', allowedEnergyTransfer: ['DC', 'DC_BPT'] }],
  Reset: [{}, { type: 'Hard' }, { type: 'Soft', evseId: 1 }, { type: 'ImmediateAndResume' }],
  UnlockConnector: [{ evseId: 1 }, { evseId: 1, connectorId: 1 }],
  ChangeAvailability: [{ operationalStatus: 'Inoperative' }, { operationalStatus: 'Operative', evseId: 1 }],
  TriggerMessage: [
    { requestedMessage: 'StatusNotification', evseId: 1 },
    { requestedMessage: 'LogStatusNotification' },
    { requestedMessage: 'SignChargingStationCertificate' },
    { requestedMessage: 'FirmwareStatusNotification', extended: true },
    { requestedMessage: 'CustomTrigger', customTrigger: 'x' },
  ],
  ClearCache: [{}],
  SetNetworkProfile: [
    {
      configurationSlot: 1,
      connectionData: {
        ocppVersion: 'OCPP20',
        ocppInterface: 'Wired0',
        ocppTransport: 'JSON',
        messageTimeout: 30,
        ocppCsmsUrl: 'wss://csms.example/ocpp',
        securityProfile: 2,
      },
    },
  ],
  GetSettings: [
    {},
    { settings: [{ name: 'HeartbeatInterval' }] },
    { settings: [{ name: 'OCPPCommCtrlr.HeartbeatInterval' }, { name: 'EVSE.Power', evseId: 1 }] },
  ],
  SetSettings: [
    { settings: [{ name: 'HeartbeatInterval', value: '60' }] },
    {
      settings: [
        { name: 'OCPPCommCtrlr.MessageAttempts[TransactionEvent]', value: '3', attributeType: 'Actual' },
      ],
    },
  ],
  GetBaseReport: [{ reportBase: 'FullInventory' }],
  GetReport: [{ componentCriteria: ['Problem'] }, { componentVariable, requestId: 5 }],
  GetPeriodicEventStream: [{}],
  AdjustPeriodicEventStream: [{ id: 1, params: { interval: 5, values: 10 } }],
  SetMonitoringBase: [{ monitoringBase: 'All' }],
  SetVariableMonitoring: [
    { setMonitoringData: [{ value: 10, type: 'UpperThreshold', severity: 4, ...componentVariable[0]! }] },
  ],
  SetMonitoringLevel: [{ severity: 4 }],
  ClearVariableMonitoring: [{ id: [1, 2] }],
  GetMonitoringReport: [{ monitoringCriteria: ['DeltaMonitoring'], componentVariable }],
  SetChargingProfile: [
    { evseId: 0, chargingProfile: profile('ChargingStationMaxProfile') },
    { evseId: 1, chargingProfile: profile('TxProfile'), sessionId: 's' },
  ],
  ClearChargingProfile: [
    { chargingProfileId: 7 },
    { evseId: 1, chargingProfilePurpose: 'ChargingStationMaxProfile', stackLevel: 1 },
  ],
  GetChargingProfiles: [{ evseId: 1, chargingProfilePurpose: 'TxProfile' }],
  GetCompositeSchedule: [{ evseId: 0, duration: 3600, chargingRateUnit: 'A' }],
  UpdateDynamicSchedule: [{ chargingProfileId: 7, scheduleUpdate: { limit: 10 } }],
  UsePriorityCharging: [{ sessionId: 's', activate: true }],
  AFRRSignal: [{ timestamp: at, signal: 3 }],
  SendLocalList: [
    { updateType: 'Full', versionNumber: 3 },
    {
      updateType: 'Differential',
      versionNumber: 4,
      entries: [{ idToken, status: 'Accepted', expiresAt: at, groupIdToken: idToken }, { idToken }],
    },
  ],
  GetLocalListVersion: [{}],
  ReserveNow: [
    { reservationId: 1, expiresAt: at, idToken, groupIdToken: idToken, evseId: 1 },
    { reservationId: 1, expiresAt: at, idToken, connectorType: 'cType2' },
  ],
  CancelReservation: [{ reservationId: 1 }],
  UpdateFirmware: [
    { location: 'https://csms.example/fw.bin', retrieveAt: at, retries: 2, retryInterval: 60 },
    {
      location: 'https://csms.example/fw.bin',
      retrieveAt: at,
      installAt: at,
      signingCertificate: 'PEM',
      signature: 'abc',
    },
  ],
  PublishFirmware: [
    { location: 'https://csms.example/fw.bin', checksum: 'd41d8cd98f00b204e9800998ecf8427e' },
  ],
  UnpublishFirmware: [{ checksum: 'd41d8cd98f00b204e9800998ecf8427e' }],
  GetLog: [
    { logType: 'SecurityLog', remoteLocation: 'https://csms.example/logs', oldestTimestamp: at, retries: 1 },
  ],
  GetDiagnostics: [{ location: 'https://csms.example/logs', latestTimestamp: at }],
  InstallCertificate: [{ certificateType: 'CSMSRootCertificate', certificate: 'PEM' }],
  DeleteCertificate: [{ certificateHashData: hash }],
  RotatePassword: [{ password: 'A-password-of-16+' }],
  RotateCertificate: [{}],
  UpgradeSecurityProfile: [{ profile: 2 }, { profile: 3, url: 'wss://csms.example/ocpp/', slot: 3 }],
  GetInstalledCertificateIds: [{}, { certificateTypes: ['ManufacturerRootCertificate'] }],
  CertificateSigned: [
    { certificateChain: 'PEM' },
    { certificateChain: 'PEM', certificateType: 'V2GCertificate', requestId: 4 },
  ],
  SetDisplayMessage: [
    { message: { id: 1, priority: 'InFront', message: { format: 'UTF8', content: 'Hello' } } },
  ],
  GetDisplayMessages: [{ state: 'Charging' }],
  ClearDisplayMessage: [{ id: 1 }],
  CustomerInformation: [{ report: true, clear: false, idToken, customerIdentifier: 'c' }],
  SetDefaultTariff: [{ evseId: 0, tariff }],
  GetTariffs: [{ evseId: 0 }],
  ClearTariffs: [{}, { tariffIds: ['t1'], evseId: 1 }],
  ChangeTransactionTariff: [{ sessionId: 's', tariff }],
  NotifyWebPaymentStarted: [{ evseId: 1, timeout: 60 }],
  SetDERControl: [
    {
      isDefault: true,
      controlId: 'c1',
      controlType: 'LimitMaxDischarge',
      limitMaxDischarge: { priority: 1, pctMaxDischargePower: 50 },
    },
  ],
  GetDERControl: [{ isDefault: true, controlType: 'LimitMaxDischarge' }],
  ClearDERControl: [{ isDefault: true, controlType: 'LimitMaxDischarge' }],
  RequestBatterySwap: [{ idToken }],
  DataTransfer: [{ vendorId: 'v' }, { vendorId: 'v', messageId: 'm', data: 'text' }],
}
