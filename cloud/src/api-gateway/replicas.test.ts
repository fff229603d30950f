/** Two replicas of the gateway on one Postgres and one Redis: what one counts and knows, the other does too. Skipped where no Redis answers. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUS, type Bus } from '../platform/bus.ts'
import { systemRandom } from '../platform/clock.ts'
import { createRedisBus } from '../platform/redis-bus.ts'
import type { RunningService } from '../platform/service.ts'
import { redisAnswers, redisUrl } from '../platform/test-redis.ts'
import { createTestPlatform, type TestPlatform } from '../platform/testing.ts'
import { KEPT_MS } from './known-principals.ts'
import { apiGateway } from './service.ts'

const redis = await redisAnswers()
if (!redis) console.log(`replicas of the gateway over Redis: skipped, nothing answers at ${redisUrl}`)

const KEY = 'sk_test-key-of-two-gateways'
const LIMIT = 40

describe.skipIf(!redis)('two replicas over Redis', () => {
  let platform: TestPlatform
  const replicas: { gateway: RunningService; bus: Bus; metrics: Registry }[] = []

  beforeAll(async () => {
    platform = await createTestPlatform({
      service: apiGateway,
      env: { BOOTSTRAP_API_KEY: KEY, API_RATE_LIMIT: String(LIMIT) },
    })
    const { clock, context } = platform
    const prefix = `switchyard-test-${systemRandom.uuid()}:`
    for (let i = 0; i < 2; i++) {
      const bus = await createRedisBus({ url: redisUrl, prefix, clock, log: context.log })
      const metrics = new Registry()
      replicas.push({ gateway: await apiGateway.start({ ...context, bus, metrics }), bus, metrics })
    }
  })
  afterAll(async () => {
    for (const { gateway, bus } of replicas) {
      await gateway.stop(1_000)
      await bus.close()
    }
    await platform?.close()
  })

  const ask = async (replica: number, path: string, key: string, init: RequestInit = {}) =>
    replicas[replica]!.gateway.routes!.request(`http://gateway.test${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    })
  const json = { 'content-type': 'application/json' }
  const makeKey = async () => {
    const made = await ask(0, '/api/v1/api-keys', KEY, {
      method: 'POST',
      headers: json,
      body: '{"name":"n"}',
    })
    return (await made.json()) as { key: string; apiKeyId: string }
  }
  const lookups = async (replica: number, result: 'hit' | 'miss') => {
    const metric = await replicas[replica]!.metrics.getSingleMetric(
      'switchyard_principal_lookups_total',
    )!.get()
    return metric.values.find((it) => it.labels.result === result)!.value
  }
  /** What is kept is put without anybody waiting for it. */
  const kept = (credential: string) =>
    expect.poll(() => replicas[0]!.bus.get(BUS.principal(credential))).toBeTypeOf('string')
  const credentialOf = async (apiKeyId: string) => {
    const [row] = await platform.sql`
      select encode(key_hash, 'hex') as it from gateway.api_key where api_key_id = ${apiKeyId}`
    return row!.it as string
  }

  it('one knows a key that the other has looked up, and no longer than it is in force', async () => {
    const { key, apiKeyId } = await makeKey()
    expect((await ask(0, '/api/v1/me', key)).status).toBe(200)
    await kept(await credentialOf(apiKeyId))
    const before = await lookups(1, 'hit')
    expect((await ask(1, '/api/v1/me', key)).status).toBe(200)
    expect(await lookups(1, 'hit')).toBe(before + 1)
    // Revoked at one, it is over at both with the answer.
    expect((await ask(1, `/api/v1/api-keys/${apiKeyId}`, KEY, { method: 'DELETE' })).status).toBe(204)
    for (const replica of [0, 1, 0, 1]) expect((await ask(replica, '/api/v1/me', key)).status).toBe(401)
  })

  it('a reading of before the revocation that is put late counts for nothing', async () => {
    const { key, apiKeyId } = await makeKey()
    const credential = await credentialOf(apiKeyId)
    expect((await ask(0, '/api/v1/me', key)).status).toBe(200)
    await kept(credential)
    const early = await replicas[0]!.bus.get(BUS.principal(credential))
    await ask(0, `/api/v1/api-keys/${apiKeyId}`, KEY, { method: 'DELETE' })
    await replicas[1]!.bus.putNew(BUS.principal(credential), early, 60_000)
    expect((await ask(1, '/api/v1/me', key)).status).toBe(401)
    // Even by somebody who writes to Redis: only for as long as it was kept by itself.
    await replicas[1]!.bus.put(BUS.principal(credential), early, 60_000)
    platform.clock.advance(KEPT_MS)
    expect((await ask(1, '/api/v1/me', key)).status).toBe(401)
  })

  it('whoever writes to Redis makes nobody known', async () => {
    const { key, apiKeyId } = await makeKey()
    await ask(0, '/api/v1/me', key)
    const credential = await credentialOf(apiKeyId)
    await kept(credential)
    const foreign = await replicas[0]!.bus.get(BUS.principal(credential))
    const strange = 'sk_of-a-stranger'
    const hash = (await import('./secrets.ts')).hashSecret(strange).toString('hex')
    for (const value of [foreign, 'x', 7, null, { principal: { tenantId: 'default' } }]) {
      await replicas[0]!.bus.put(BUS.principal(hash), value, 60_000)
      expect((await ask(0, '/api/v1/me', strange)).status).toBe(401)
    }
  })

  it('a revocation that the other replica cannot be told of is answered once nothing that was kept counts', async () => {
    const { key, apiKeyId } = await makeKey()
    const credential = await credentialOf(apiKeyId)
    expect((await ask(0, '/api/v1/me', key)).status).toBe(200)
    await kept(credential)
    const { context, clock } = platform
    const bus = await createRedisBus({ url: 'redis://127.0.0.1:1', prefix: '', clock, log: context.log })
    const cutOff = await apiGateway.start({ ...context, bus, metrics: new Registry() })
    const headers = { authorization: `Bearer ${KEY}` }
    let answered = false
    const revoked = Promise.resolve(
      cutOff.routes!.request(`http://gateway.test/api/v1/api-keys/${apiKeyId}`, {
        method: 'DELETE',
        headers,
      }),
    ).then((response) => {
      answered = true
      return response.status
    })
    await expect
      .poll(async () => {
        const [row] =
          await platform.sql`select revoked_at from gateway.api_key where api_key_id = ${apiKeyId}`
        return row!.revoked_at
      })
      .not.toBeNull()
    expect([answered, (await ask(1, '/api/v1/me', key)).status]).toEqual([false, 200])
    // Its wait may begin a moment after the commit.
    await expect
      .poll(() => {
        clock.advance(KEPT_MS)
        return answered
      })
      .toBe(true)
    expect([await revoked, (await ask(1, '/api/v1/me', key)).status]).toEqual([204, 401])
    await cutOff.stop(1_000)
    await bus.close()
  })

  it('requests of a key are counted together, told of, and refused beyond the limit; another key is not', async () => {
    const { key } = await makeKey()
    const seen = []
    for (let i = 0; i < LIMIT; i++) {
      const response = await ask(i % 2, '/api/v1/me', key)
      expect(response.status).toBe(200)
      seen.push(Number(response.headers.get('ratelimit-remaining')))
      expect(response.headers.get('ratelimit-limit')).toBe(String(LIMIT))
      expect(response.headers.get('ratelimit-policy')).toBe(`${LIMIT};w=60`)
    }
    expect(seen).toEqual(Array.from({ length: LIMIT }, (_, i) => LIMIT - 1 - i))
    for (const replica of [0, 1]) {
      const refused = await ask(replica, '/api/v1/me', key)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('content-type')).toBe('application/problem+json')
      const wait = Number(refused.headers.get('retry-after'))
      expect(wait > 0 && wait <= 60).toBe(true)
      expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    }
    const { key: another } = await makeKey()
    expect((await ask(0, '/api/v1/me', another)).status).toBe(200)
  })

  it('guesses at a password are counted together', async () => {
    const guess = (replica: number) =>
      ask(replica, '/api/v1/sign-in', KEY, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ email: 'nobody@example.com', password: 'x' }),
      })
    for (let i = 0; i < 5; i++) expect((await guess(i % 2)).status).toBe(401)
    for (const replica of [0, 1]) {
      const refused = await guess(replica)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after')) > 0).toBe(true)
    }
  })
})
