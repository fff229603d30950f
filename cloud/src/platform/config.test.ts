import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'
import { unknownNames } from './config-safety.ts'
import { readRedisAddress } from './redis-address.ts'

const needed = { DATABASE_URL: 'postgres://u@127.0.0.1/db', SERVICE_KEY: 'a-key-of-tests-16' }

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

it('TLS endpoints are read as host and port, a bounded number of them', () => {
  const read = (TLS_ENDPOINTS: string) => readConfig({ ...needed, TLS_ENDPOINTS }).tlsEndpoints
  expect(readConfig(needed).tlsEndpoints).toEqual([])
  expect(read('haproxy:3443, 10.0.0.5:8883,[fd00::1]:443')).toEqual([
    { host: 'haproxy', port: 3443 },
    { host: '10.0.0.5', port: 8883 },
    { host: 'fd00::1', port: 443 },
  ])
  const many = (n: number) => Array.from({ length: n }, (_, i) => `host-${i}:443`).join()
  expect(read(many(16))).toHaveLength(16)
  for (const wrong of ['haproxy', 'haproxy:0', 'haproxy:70000', 'https://haproxy:3443', many(17)])
    expect(problemsOf({ ...needed, TLS_ENDPOINTS: wrong })).toEqual([
      'TLS_ENDPOINTS: must be host:port, separated by commas, at most 16',
    ])
})

it('what is missing is said to be needed, and what needs company says so', () => {
  expect(problemsOf({})).toEqual(['DATABASE_URL: is needed', 'SERVICE_KEY: is needed'])
  expect(problemsOf({ ...needed, MQTT_URL: 'mqtts://broker' })[0]).toMatch(
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
    'rediss://user:wX7-kd9@redis.example/2',
    'redis+sentinel://a:26379,b,[::1]:26380/main',
    'rediss+sentinel://:wX7-kd9%2F@a/main/3',
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

const secret = 'hq2Vd71nKzp0-wXeR'
const unsafe = (env: Record<string, string>) => problemsOf({ ...needed, SERVICE_KEY: secret, ...env })
const namesOf = (problems: readonly string[]) => problems.map((it) => it.split(':')[0])

it('secrets that everybody knows are refused in production, wherever they stand', () => {
  for (const known of [
    'postgres',
    'Switchyard',
    'admin123',
    'changeme-please-16',
    'development-only-key',
    'aaaabbbbaaaabbbb',
  ])
    expect(
      namesOf(
        unsafe({
          DATABASE_URL: `postgres://switchyard:${known}@db/switchyard`,
          REDIS_URL: `redis://:${known}@redis`,
          MQTT_PASSWORD: known,
        }),
      ),
      known,
    ).toEqual(['MQTT_PASSWORD', 'DATABASE_URL', 'REDIS_URL'])
  expect(unsafe({ DATABASE_URL: `postgres://switchyard:${secret}@db/switchyard` })).toEqual([])
  expect(problemsOf({ ...needed, NODE_ENV: 'development', SERVICE_KEY: 'development-only-key' })).toEqual([])
})

it('a secret that is given to two is refused', () => {
  expect(namesOf(unsafe({ MQTT_PASSWORD: secret }))).toEqual(['MQTT_PASSWORD'])
})

it('MQTT without TLS is refused beyond loopback, unless it is allowed', () => {
  const broker = { MQTT_URL: 'mqtt://broker.example', MQTT_PASSWORD: 'h82-KzuhTq' }
  expect(namesOf(unsafe(broker))).toEqual(['MQTT_URL'])
  expect(unsafe({ ...broker, MQTT_URL: 'mqtts://broker.example' })).toEqual([])
  expect(unsafe({ ...broker, MQTT_URL: 'mqtt://127.0.0.1:1883' })).toEqual([])
  expect(unsafe({ ...broker, ALLOW_PLAIN_MQTT: 'true' })).toEqual([])
  expect(namesOf(unsafe({ BROKER_BIND_ADDRESS: '0.0.0.0' }))).toEqual(['BROKER_BIND_ADDRESS'])
})

it('pools of all replicas must fit into what the server allows', () => {
  expect(unsafe({ DATABASE_MAX_CONNECTIONS: '38' })).toEqual([])
  expect(unsafe({ DATABASE_MAX_CONNECTIONS: '37' })[0]).toMatch(/34 connections .* 33 for them/)
  expect(unsafe({ DATABASE_MAX_CONNECTIONS: '100', STATION_SERVICE_REPLICAS: '20' })[0]).toMatch(/148 conn/)
})

it('names that are no settings are told, with the one that was meant', () => {
  expect(
    unknownNames(['PATH', 'HOME', 'STATION_SERVICE_SERVICE_HOST', 'STATION_SERVICE_PORT_3001_TCP']),
  ).toEqual([])
  expect(unknownNames(['DATABSE_URL', 'BOOTSTRAP_KEY', 'SERVICE_KEY_FILE'])).toEqual([
    'DATABSE_URL: there is no such setting; DATABASE_URL is meant?',
    'BOOTSTRAP_KEY: there is no such setting',
  ])
  expect(unknownNames(['PATH'], true)).toEqual(['PATH: there is no such setting'])
})

it('ten planted mistakes are named at once', () => {
  const env = {
    DATABASE_URL: 'postgres://switchyard:postgres@db/switchyard',
    DATABASE_MAX_CONNECTIONS: '20',
    SERVICE_KEY: 'short',
    NODE_ENV: 'prod',
    LOG_LEVEL: 'verbose',
    MQTT_URL: 'mqtt://broker.example:1883',
    STATION_SERVICE_PORT: 'http',
    REDIS_URL: 'memcached://cache',
    BOOTSTRAP_OPERATOR_EMAIL: 'ops@example.com',
    BOOTSTRAP_API_KEY_FILE: '/nowhere/key',
  }
  expect(namesOf(problemsOf(env)).sort()).toEqual(
    [...Object.keys(env), 'MQTT_PASSWORD', 'BOOTSTRAP_OPERATOR_PASSWORD']
      .filter((it) => it !== 'BOOTSTRAP_OPERATOR_EMAIL')
      .sort(),
  )
})
