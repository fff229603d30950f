import { expect, it } from 'vitest'
import type { Json } from '../json.ts'
import { frameWithoutSecrets, textWithoutSecrets } from './message-secrets.ts'

const call = (action: string, payload: Json): Json[] => [2, '1', action, payload]

it.each<[string, Json[]]>([
  ['1.6 password', call('ChangeConfiguration', { key: 'AuthorizationKey', value: 'S3CRET' })],
  [
    '1.6 answer',
    [3, '1', { configurationKey: [{ key: 'AuthorizationKey', readonly: false, value: 'S3CRET' }] }],
  ],
  [
    '2.x password',
    call('SetVariables', {
      setVariableData: [
        {
          component: { name: 'SecurityCtrlr' },
          variable: { name: 'BasicAuthPassword' },
          attributeValue: 'S3CRET',
        },
      ],
    }),
  ],
  [
    '2.x report',
    call('NotifyReport', {
      reportData: [{ variable: { name: 'BasicAuthPassword' }, variableAttribute: [{ value: 'S3CRET' }] }],
    }),
  ],
  [
    'network profile',
    call('SetNetworkProfile', {
      configurationSlot: 1,
      connectionData: {
        basicAuthPassword: 'S3CRET',
        apn: { apn: 'iot', apnPassword: 'S3CRET' },
        vpn: { server: 's', user: 'u', password: 'S3CRET', key: 'S3CRET', type: 'IPSec' },
      },
    }),
  ],
  ['upload', call('GetDiagnostics', { location: 'ftp://user:S3CRET@files.example/in' })],
  ['upload to the site', call('GetDiagnostics', { location: 'http://10.0.0.2:8085/upload/S3CRET' })],
  [
    'signed upload',
    call('GetLog', { log: { remoteLocation: 'https://b.example/l?a=1&X-Signature=S3CRET' } }),
  ],
  ['private key', call('DataTransfer', { data: '-----BEGIN EC PRIVATE KEY-----\nS3CRET' })],
  ['inner JSON', call('DataTransfer', { vendorId: 'v', data: '{"wifiPassword":"S3CRET"}' })],
])('%s is not shown', (_, frame) => {
  const shown = JSON.stringify(frameWithoutSecrets(frame))
  expect(shown).not.toContain('S3CRET')
  expect(shown).toContain('[redacted]')
})

it('everything else is shown as it is', () => {
  const frames = [
    call('InstallCertificate', { certificate: '-----BEGIN CERTIFICATE-----\nMII' }),
    call('StartTransaction', { connectorId: 1, idTag: 'TAG', meterStart: 0, timestamp: 't' }),
    call('ChangeConfiguration', { key: 'HeartbeatInterval', value: '60' }),
    call('UpdateFirmware', { location: 'https://files.example:8080/a@b' }),
  ]
  for (const frame of frames) expect(frameWithoutSecrets(frame)).toEqual(frame)
})

it('a text that is no frame is left out where it may hold a secret', () => {
  expect(textWithoutSecrets('[2,"1","Heartbeat"')).toBe('[2,"1","Heartbeat"')
  expect(textWithoutSecrets('[2,"1",{"key":"AuthorizationKey","value":"S3CRET"')).not.toContain('S3CRET')
})
