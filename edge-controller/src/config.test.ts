import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ConfigFault, loadConfig } from './config.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function faultsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigFault)
    return (error as ConfigFault).faults
  }
  return []
}

it('needs only a site id, and binds to loopback then', () => {
  const config = loadConfig({ SITE_ID: 'depot-1', MQTT_URL: '' })
  expect(config).toMatchObject({
    SITE_ID: 'depot-1',
    OCPP_PORT: 9000,
    OCPP_BIND_ADDRESS: '127.0.0.1',
    PANEL_BIND_ADDRESS: '127.0.0.1',
    ONBOARDING: 'approve',
    METERING_BASELINE: true,
  })
  expect(config.MQTT_URL).toBeUndefined()
  expect(Object.isFrozen(config)).toBe(true)
})

it('takes the file, and the environment over it', () => {
  const SWITCHYARD_CONFIG = file(
    'config.json',
    '{"SITE_ID": "a", "OCPP_PORT": 9100, "METERING_BASELINE": false}',
  )
  const MQTT_PASSWORD_FILE = file('password', 'secret\n')
  const config = loadConfig({ SWITCHYARD_CONFIG, MQTT_PASSWORD_FILE, OCPP_PORT: '9200' })
  expect(config).toMatchObject({
    SITE_ID: 'a',
    OCPP_PORT: 9200,
    METERING_BASELINE: false,
    MQTT_PASSWORD: 'secret',
  })
})

it('names every mistake at once', () => {
  const SWITCHYARD_CONFIG = file('config.json', '{"OCPP_PROT": 9100}')
  const faults = faultsOf({
    SWITCHYARD_CONFIG,
    MQTT_URL: 'http://broker',
    MQTT_PASSWORD_FILE: join(folder, 'absent'),
    OCPP_PORT: 'many',
    SITE_TIME_ZONE: 'Berlin',
    ONBOARDING: 'maybe',
  })
  const named = faults.map((fault) => fault.split(':')[0]).sort()
  expect(named).toEqual([
    'MQTT_PASSWORD_FILE',
    'MQTT_URL',
    'OCPP_PORT',
    'OCPP_PROT',
    'ONBOARDING',
    'SITE_ID',
    'SITE_TIME_ZONE',
  ])
  expect(faults).toContain('SITE_ID: is missing')
})

it('says which file is no JSON', () => {
  expect(faultsOf({ SITE_ID: 'a', SWITCHYARD_CONFIG: file('broken.json', '{') }).join()).toContain(
    'broken.json',
  )
})
