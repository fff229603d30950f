import { describe, expect, test } from 'vitest'
import { environmentName, helpText, PORTS, readFlags } from '../flags.mjs'

describe('flags', () => {
  test('have the documented defaults', () => {
    const { ports, ...rest } = readFlags([], {})
    expect(rest).toEqual({
      errors: [],
      help: false,
      simulator: true,
      fresh: false,
      lan: false,
      speed: 1,
      replay: undefined,
      home: undefined,
    })
    expect(ports).toMatchObject({ api: 3000, ocpp: 9000, broker: 18830, postgres: 54329, controller: 8080 })
  })

  test('are read with "=" and with a space', () => {
    const flags = readFlags(['--api-port=4100', '--speed', '20', '--no-simulator', '--home', '/tmp/x'], {})
    expect(flags).toMatchObject({
      errors: [],
      speed: 20,
      simulator: false,
      home: '/tmp/x',
      ports: { api: 4100 },
    })
  })

  test('win over their environment twins', () => {
    const environment = { SWITCHYARD_API_PORT: '4200', SWITCHYARD_OCPP_PORT: '9100', SWITCHYARD_LAN: 'true' }
    const flags = readFlags(['--api-port', '4100'], environment)
    expect(flags).toMatchObject({ errors: [], lan: true, ports: { api: 4100, ocpp: 9100 } })
  })

  test('an offset moves every port that is not given itself', () => {
    const { ports } = readFlags(['--port-offset', '100', '--ocpp-port', '9555'], {})
    expect(ports).toMatchObject({ api: 3100, postgres: 54429, ocpp: 9555 })
  })

  test('that are wrong are all named at once', () => {
    const { errors } = readFlags(['--bogus', '--speed', '0', '--api-port', '70000', '--lan=no', '--home'], {})
    expect(errors).toHaveLength(5)
    for (const word of ['--bogus', '--speed', '--api-port', '--lan', '--home'])
      expect(errors.some((it) => it.includes(word))).toBe(true)
  })

  test('two uses of one port are an error that names both', () => {
    const { errors } = readFlags(['--api-port', '9000'], {})
    expect(errors).toEqual([expect.stringMatching(/--api-port and --ocpp-port are both 9000/)])
  })

  test('a port that browsers refuse is an error that names its flag, and the offset that led there', () => {
    expect(readFlags(['--api-port', '6000'], {}).errors).toEqual([
      'Port 6000 (api-gateway: dashboard and public API) is one that browsers refuse to open. Choose another with --api-port N.',
    ])
    expect(readFlags(['--port-offset', '2000'], {}).errors).toEqual([
      expect.stringMatching(/^Port 6000 .*--ocpp-gateway-port N, or another --port-offset\.$/),
      expect.stringMatching(/^Port 10080 .*--controller-port N, or another --port-offset\.$/),
    ])
    expect(readFlags(['--port-offset', '3000', '--api-port', '7100'], {}).errors).toEqual([])
  })

  test('broker and Postgres speak no HTTP and may have any port', () => {
    expect(readFlags(['--broker-port', '6000', '--postgres-port', '10080'], {}).errors).toEqual([])
  })

  test('a flag that npm kept for itself is not silently lost', () => {
    const { errors } = readFlags([], { npm_lifecycle_event: 'start', npm_config_speed: 'true' })
    expect(errors).toEqual([expect.stringContaining('npm start -- --speed')])
  })

  test('are all in the help', () => {
    for (const { flag, port } of PORTS) {
      expect(helpText()).toContain(`${flag} N`)
      expect(helpText()).toContain(String(port))
    }
    expect(environmentName('--port-offset')).toBe('SWITCHYARD_PORT_OFFSET')
  })
})
