import { expect, it } from 'vitest'
import { withoutSecrets } from './secrets.ts'

it('takes out the passwords that a station is given, in every form that a command, a reply or a report has, and nothing else', () => {
  const cases = [
    {
      settings: [
        { name: 'SecurityCtrlr.BasicAuthPassword', value: 'S' },
        { name: 'A.B', value: '7' },
      ],
    },
    { settings: [{ name: 'AuthorizationKey', value: 'S' }] },
    { action: 'ChangeConfiguration', payload: { key: 'AuthorizationKey', value: 'S' } },
    {
      action: 'SetVariables',
      payload: {
        setVariableData: [
          {
            component: { name: 'SecurityCtrlr' },
            variable: { name: 'BasicAuthPassword' },
            attributeValue: 'S',
          },
        ],
      },
    },
    // What stations tell: a reply of GetConfiguration, an entry of a report.
    { configurationKey: [{ key: 'AuthorizationKey', readonly: false, value: 'S' }] },
    {
      component: { name: 'SecurityCtrlr' },
      variable: { name: 'BasicAuthPassword' },
      variableAttribute: [{ type: 'Actual', value: 'S', mutability: 'WriteOnly' }],
    },
    { connectionData: { basicAuthPassword: 'S', vpn: { password: 'S' }, apn: { apnPassword: 'S' } } },
  ]
  for (const args of cases) {
    const text = JSON.stringify(withoutSecrets(args))
    expect(text).not.toContain('"S"')
    expect(text).toBe(JSON.stringify(args).replaceAll('"S"', '"[redacted]"'))
  }
  const report = { variable: { name: 'Power' }, variableAttribute: [{ value: 'S' }] }
  expect(withoutSecrets(report)).toBe(report)
  const plain = { settings: [{ name: 'HeartbeatInterval', value: '300' }], key: 'password' }
  expect(withoutSecrets(plain)).toBe(plain)
})
