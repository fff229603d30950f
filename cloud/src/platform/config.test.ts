import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'
import { readRedisAddress } from './redis-address.ts'

const needed = { DATABASE_URL: 'postgres://u@127.0.0.1/db', SERVICE_KEY: 'k'.repeat(16) }

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

it('what is not said has its default: loopback, and the ports of the design', () => {
  const config = readConfig(needed)
  expect(config.bindAddress).toBe('127.0.0.1')
  expect(config.ports).toMatchObject({ 'api-gateway': 3000, 'ocpp-gateway': 4000, 'site-gateway': 4001 })
  expect(config.mqtt.url).toBeUndefined()
  expect(config.enableMetrics).toBe(true)
  expect(Object.isFrozen(config)).toBe(true)
})

it('every wrong value is named at once, and no value is told', () => {
  const problems = problemsOf({
    DATABASE_URL: 'mysql://secret-value@x',
    SERVICE_KEY: 'short',
    LOG_LEVEL: 'loud',
    OCPP_GATEWAY_PORT: '70000',
    ENABLE_METRICS: 'perhaps',
    STATION_SERVICE_URL: 'not a url',
  })
  expect(problems.map((it) => it.split(':')[0]).sort()).toEqual([
    'DATABASE_URL',
    'ENABLE_METRICS',
    'LOG_LEVEL',
    'OCPP_GATEWAY_PORT',
    'SERVICE_KEY',
    'STATION_SERVICE_URL',
  ])
  expect(problems.join()).not.toContain('secret-value')
})

it('what is missing is said to be needed, and what needs company says so', () => {
  expect(problemsOf({})).toEqual(['DATABASE_URL: is needed', 'SERVICE_KEY: is needed'])
  expect(problemsOf({ ...needed, MQTT_URL: 'mqtt://broker' })[0]).toMatch(
    /^MQTT_PASSWORD: is needed with MQTT_URL/,
  )
  const half = problemsOf({
    LOG_LEVEL: 'loud',
    BOOTSTRAP_OPERATOR_EMAIL: 'a@b.example',
    MQTT_URL: 'mqtt://broker',
  })
  expect(half.map((it) => it.split(':')[0])).toEqual(
    expect.arrayContaining(['LOG_LEVEL', 'SERVICE_KEY', 'MQTT_PASSWORD', 'BOOTSTRAP_OPERATOR_PASSWORD']),
  )
})

it('a value may lie in a file; a file that cannot be read, or a value given twice, is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-config-'))
  try {
    const file = join(folder, 'key')
    writeFileSync(file, 'a-key-from-a-file-16\n')
    const { SERVICE_KEY: _, ...rest } = needed
    expect(readConfig({ ...rest, SERVICE_KEY_FILE: file }).serviceKey).toBe('a-key-from-a-file-16')
    expect(problemsOf({ ...needed, SERVICE_KEY_FILE: file })).toEqual([
      'SERVICE_KEY_FILE: SERVICE_KEY is given too; give one of them',
    ])
    expect(problemsOf({ ...rest, SERVICE_KEY_FILE: join(folder, 'none') })[0]).toMatch(
      /cannot be read \(ENOENT\)/,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('Redis may be one server or Sentinels with the name of their master', () => {
  for (const given of [
    'redis://127.0.0.1:6379',
    'rediss://user:secret@redis.example/2',
    'redis+sentinel://a:26379,b,[::1]:26380/main',
    'rediss+sentinel://:secret%2F@a/main/3',
  ])
    expect(problemsOf({ ...needed, REDIS_URL: given })).toEqual([])
  for (const wrong of [
    'redis+sentinel://a:26379',
    'redis+sentinel:///main',
    'redis+sentinel://a:99999/main',
    'redis+sentinel://a,,b/main',
    'http://a',
    'redis://',
  ])
    expect(problemsOf({ ...needed, REDIS_URL: wrong }).map((it) => it.split(':')[0])).toEqual(['REDIS_URL'])
})

it('the address of Sentinels is read with account, database and TLS', () => {
  expect(readRedisAddress('rediss+sentinel://me:a%40b@one,two:1/main/3')).toEqual({
    options: {
      sentinels: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 1 },
      ],
      name: 'main',
      username: 'me',
      password: 'a@b',
      db: 3,
      tls: {},
      enableTLSForSentinelMode: true,
      failoverDetector: true,
    },
  })
})
