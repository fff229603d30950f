/** What the manifests say of the programs is what the programs say: settings, who asks whom, consumers, times. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../../cloud/src/platform/config.ts'
import { unknownNames } from '../../../cloud/src/platform/config-safety.ts'
import { LOG_PARTITIONS } from '../../../cloud/src/platform/event-log/entry.ts'
import { type Document, KUBERNETES, podsIn } from './documents.fixture.ts'
import { environments } from './environments.ts'
import { migration } from './migration.ts'
import { settingsOf } from './overlay.ts'
import { services } from './services.ts'
import { sharedSettings } from './settings-of-cloud.ts'
import { workload } from './workload.ts'

const CLOUD = join(KUBERNETES, '..', '..', 'cloud', 'src')
let secrets = ''
beforeAll(() => {
  secrets = mkdtempSync(join(tmpdir(), 'switchyard-secrets-'))
  const random = 'q7Zp2Lm9Xc4Vb8Nk1Rt6'
  const values = {
    database_url: `postgres://switchyard:${random}@postgres:5432/switchyard`,
    redis_url: `redis://:${random}r@redis:6379`,
    service_key: `${random}s`,
    mqtt_password: `${random}m`,
    mqtt_admin_password: `${random}a`,
    api_key: `sk_${random}k`,
    operator_password: `${random}o`,
  }
  for (const [name, value] of Object.entries(values)) writeFileSync(join(secrets, name), value)
})
afterAll(() => rmSync(secrets, { recursive: true, force: true }))

const own = services.map((it) => [it.name, it] as const)

describe.each(environments.map((it) => [it.name, it] as const))('%s', (_, environment) => {
  /** The environment of a container, with secrets from here. */
  function environmentOf(documents: readonly object[], ownSettings: Readonly<Record<string, string>>) {
    const [container] = podsIn(documents as Document[]).flatMap((it) => it.containers)
    return {
      ...sharedSettings(),
      ...settingsOf(environment),
      ...ownSettings,
      ...Object.fromEntries(
        (container?.env ?? []).map((it) => [it.name, it.value?.replace('/run/secrets', secrets)]),
      ),
    }
  }

  test.each(own)('%s starts with its settings, and knows all of them', (name, service) => {
    const env = environmentOf(workload(service), {
      ...service.settings,
      ...environment.ownSettings?.[name],
    })
    expect(readConfig(env).shutdownDeadlineMs).toBe(10_000)
    expect(unknownNames(Object.keys(env))).toEqual([])
  })

  test('the migration starts with its settings', () => {
    expect(readConfig(environmentOf([migration], {})).nodeEnv).toBe('production')
  })

  test('one replica more than the budget of connections has is told', () => {
    const tight = { ...environmentOf([migration], {}), API_GATEWAY_REPLICAS: '100' }
    expect(() => readConfig(tight)).toThrow(ConfigError)
  })

  test('no consumer has more replicas than the log has partitions', () => {
    for (const { name, consumer } of services)
      if (consumer) expect(environment.bounds[name].largest, name).toBeLessThanOrEqual(LOG_PARTITIONS)
  })
})

/** Sources of one service, without tests. */
const sourcesOf = (name: string): string =>
  readdirSync(join(CLOUD, name), { recursive: true, encoding: 'utf8' })
    .filter((it) => it.endsWith('.ts') && !it.endsWith('.test.ts'))
    .map((it) => readFileSync(join(CLOUD, name, it), 'utf8'))
    .join('\n')

test.each(own)('%s is let through to whom it asks', (name, { asks, internet, consumer }) => {
  const text = sourcesOf(name)
  const named = new Set([...text.matchAll(/\bclient\('([\w-]+)'\)/g)].map((it) => it[1]!))
  for (const it of named) expect(asks, `${name} asks ${it}`).toContain(it)
  // api-gateway goes through all of them by a variable.
  if (name !== 'api-gateway') expect([...named].sort()).toEqual([...asks].sort())
  expect(/\bconfig\.iso15118\b|outside-request/.test(text)).toBe(internet === true)
  const declared = /\b(?:consumer:|CONSUMER =) '([\w-]+)'/.exec(text)?.[1]
  expect(declared).toBe(consumer)
})

test.each(own)('%s may take as long to stop as it does', (_, service) => {
  const [pod] = podsIn(workload(service) as Document[])
  const drain = Number(pod?.containers[0]?.lifecycle?.preStop?.exec?.command?.[1])
  const stop = Number(sharedSettings().SHUTDOWN_DEADLINE_MS) / 1_000
  // The program cuts what is left a second after its deadline.
  expect(pod?.spec.terminationGracePeriodSeconds).toBeGreaterThan(drain + stop + 1)
})
