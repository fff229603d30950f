import { expect, it } from 'vitest'
import { withoutSecrets } from './secrets.ts'

it('takes out the passwords that a station is given, in every form that a command has, and nothing else', () => {
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
    { connectionData: { basicAuthPassword: 'S', vpn: { password: 'S' }, apn: { apnPassword: 'S' } } },
  ]
  for (const args of cases) {
    const text = JSON.stringify(withoutSecrets(args))
    expect(text).not.toContain('"S"')
    expect(text).toBe(JSON.stringify(args).replaceAll('"S"', '"[redacted]"'))
  }
  const plain = { settings: [{ name: 'HeartbeatInterval', value: '300' }], key: 'password' }
  expect(withoutSecrets(plain)).toBe(plain)
})
