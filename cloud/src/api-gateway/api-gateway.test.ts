import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Projection } from '../platform/event-log/entry.ts'
import type { RunningService } from '../platform/service.ts'
import { createTestPlatform, type TestPlatform } from '../platform/testing.ts'
import { apiGateway } from './service.ts'
import { MAX_WAITING_BYTES } from './stream-client.ts'

const KEY = 'sk_test-key-of-the-gateway'
const PASSWORD = 'correct horse battery'

let platform: TestPlatform
let gateway: RunningService
/** What the services were asked. */
const asked: { target: string; method: string; path: string; tenant: string | null; body: string }[] = []
let answer: (target: string, path: string) => Response = () => Response.json({ items: [], next: null })

beforeAll(async () => {
  platform = await createTestPlatform({
    service: apiGateway,
    env: {
      BOOTSTRAP_API_KEY: KEY,
      BOOTSTRAP_OPERATOR_EMAIL: 'Op@example.com',
      BOOTSTRAP_OPERATOR_PASSWORD: PASSWORD,
    },
  })
  platform.onClient(async (target, request) => {
    const url = new URL(request.url)
    asked.push({
      target,
      method: request.method,
      path: url.pathname + url.search,
      tenant: request.headers.get('x-switchyard-tenant'),
      body: await request.text(),
    })
    return answer(target, url.pathname)
  })
  gateway = await apiGateway.start(platform.context)
})
afterAll(async () => {
  await gateway?.stop(1_000)
  await platform?.close()
})

const request = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
  Promise.resolve(gateway.routes!.request(`http://gateway.test${path}`, init))
const jsonOf = async <T>(response: Response): Promise<T> => (await response.json()) as T
const withKey = (more: Record<string, string> = {}) => ({ authorization: `Bearer ${KEY}`, ...more })

describe('authentication', () => {
  it('refuses a request without a key, with a wrong one, and with another scheme, as a problem', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer sk_wrong' },
      { authorization: 'Basic abc' },
    ] as Record<string, string>[]) {
      const response = await request('/api/v1/sites', { headers })
      expect(response.status).toBe(401)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.json()).toMatchObject({
        status: 401,
        title: expect.any(String),
        detail: expect.any(String),
      })
    }
  })

  it('forwards with a key to the owner of the resource, with tenant, query and request id', async () => {
    asked.length = 0
    const response = await request('/api/v1/sessions?status=running&limit=5', {
      headers: withKey({ 'x-request-id': 'abc-1' }),
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-request-id')).toBe('abc-1')
    expect(asked).toMatchObject([
      { target: 'station-service', path: '/v1/sessions?status=running&limit=5', tenant: 'default' },
    ])
  })

  it('answers HEAD as GET, tells what a path takes, and asks a service what its own takes', async () => {
    answer = () => Response.json({ items: [], next: null })
    asked.length = 0
    const head = await request('/api/v1/sites', { method: 'HEAD', headers: withKey() })
    expect([head.status, await head.text(), asked[0]?.method]).toEqual([200, '', 'GET'])
    const wrong = await request('/api/v1/me', { method: 'PUT', headers: withKey() })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET'])
    await request('/api/v1/sites', { method: 'OPTIONS', headers: withKey() })
    expect(asked.at(-1)).toMatchObject({ target: 'station-service', method: 'OPTIONS' })
  })

  it('tells browsers to keep and guess nothing of the API', async () => {
    for (const response of [
      await request('/api/v1/me', { headers: withKey() }),
      await request('/api/v1/me'),
      await request('/api/v1/sites', { headers: withKey() }),
    ]) {
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('refuses what no table could keep, a cursor of another list and a body without end', async () => {
    const json = withKey({ 'content-type': 'application/json' })
    const post = (body: string) => request('/api/v1/api-keys', { method: 'POST', headers: json, body })
    expect((await post('{"name":"a\\u0000"}')).status).toBe(422)
    expect((await request('/api/v1/api-keys?cursor=WyJhIiwiYiJd', { headers: withKey() })).status).toBe(422)
    const large = await post(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))
    expect([large.status, large.headers.get('connection')]).toEqual([413, 'close'])
  })

  it('gives cursors that name the life of the log, and says clearly when it is another one', async () => {
    answer = () => Response.json({ items: [{ text: '"next":"x"}' }], next: 'WyJhIl0' })
    const { items, next } = await jsonOf<{ items: unknown[]; next: string }>(
      await request('/api/v1/cdrs?limit=1', { headers: withKey() }),
    )
    expect(items).toEqual([{ text: '"next":"x"}' }])
    expect(next).toBe(`${platform.context.eventLog.generation.slice(0, 8)}~WyJhIl0`)
    asked.length = 0
    await request(`/api/v1/cdrs?limit=1&cursor=${next}`, { headers: withKey() })
    expect(asked[0]?.path).toBe('/v1/cdrs?limit=1&cursor=WyJhIl0')
    const other = await request('/api/v1/cdrs?cursor=00000000~WyJhIl0', { headers: withKey() })
    expect(other.status).toBe(410)
    expect(await other.json()).toMatchObject({ detail: expect.stringContaining('restored from a backup') })
    expect(asked).toHaveLength(1)
    answer = () => Response.json({ items: [], next: null })
  })

  it('does not forward what is not public', async () => {
    for (const path of [
      '/api/v1/authorize',
      '/api/v1/credentials/site-1',
      '/api/v1/..%2fauthorize',
      '/api/v1/',
    ]) {
      expect((await request(path, { headers: withKey() })).status).toBe(404)
    }
  })

  it('signs an operator in by cookie, which scripts and other sites cannot use, and out again', async () => {
    const signIn = (password: string) =>
      request('/api/v1/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'op@EXAMPLE.com', password }),
      })
    expect((await signIn('wrong')).status).toBe(401)
    const response = await signIn(PASSWORD)
    expect(response.status).toBe(200)
    const setCookie = response.headers.get('set-cookie')!
    expect(setCookie).toMatch(/HttpOnly/)
    expect(setCookie).toMatch(/SameSite=Strict/)
    const cookie = setCookie.split(';')[0]!
    expect(await (await request('/api/v1/me', { headers: { cookie } })).json()).toMatchObject({
      kind: 'operator',
      name: 'Op@example.com',
    })

    const post = (headers: Record<string, string>) =>
      request('/api/v1/tokens', {
        method: 'POST',
        headers: { cookie, host: 'gateway.test', ...headers },
        body: '{}',
      })
    expect((await post({})).status).toBe(403)
    expect((await post({ origin: 'http://evil.test' })).status).toBe(403)
    expect((await post({ origin: 'http://gateway.test' })).status).toBe(200)

    const out = await request('/api/v1/sign-out', {
      method: 'POST',
      headers: { cookie, host: 'gateway.test', origin: 'http://gateway.test' },
    })
    expect(out.status).toBe(204)
    expect((await request('/api/v1/me', { headers: { cookie } })).status).toBe(401)
  })

  it('slows guessing down, whatever the account', async () => {
    const guess = () =>
      request('/api/v1/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'nobody@example.com', password: 'x' }),
      })
    for (let i = 0; i < 5; i++) expect((await guess()).status).toBe(401)
    expect((await guess()).status).toBe(429)
    platform.clock.advance(61_000)
    expect((await guess()).status).toBe(401)
  })

  it('slows guessing down also when all guesses come at once, and counts no sign-in that succeeds', async () => {
    const signIn = (email: string, password: string) =>
      request('/api/v1/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password }),
      }).then((response) => response.status)
    platform.clock.advance(61_000)
    const guesses = await Promise.all(Array.from({ length: 12 }, () => signIn('op2@example.com', 'x')))
    expect(guesses.filter((status) => status === 401)).toHaveLength(5)
    expect(guesses.filter((status) => status === 429)).toHaveLength(7)
    platform.clock.advance(61_000)
    for (let i = 0; i < 7; i++) expect(await signIn('op@example.com', PASSWORD)).toBe(200)
  })

  it('makes, lists and revokes keys; a revoked one ends at once', async () => {
    const made: { key: string; apiKeyId: string } = await jsonOf(
      await request('/api/v1/api-keys', {
        method: 'POST',
        headers: withKey({ 'content-type': 'application/json' }),
        body: JSON.stringify({ name: 'integration' }),
      }),
    )
    const headers = { authorization: `Bearer ${made.key}` }
    expect((await request('/api/v1/sites', { headers })).status).toBe(200)
    const list = await jsonOf<{ items: { name: string }[] }>(await request('/api/v1/api-keys', { headers }))
    expect(list.items.map((k) => k.name)).toEqual(['bootstrap', 'integration'])
    expect(JSON.stringify(list)).not.toContain(made.key)
    expect(
      (await request(`/api/v1/api-keys/${made.apiKeyId}`, { method: 'DELETE', headers: withKey() })).status,
    ).toBe(204)
    expect((await request('/api/v1/sites', { headers })).status).toBe(401)
    expect(
      (await request(`/api/v1/api-keys/${made.apiKeyId}`, { method: 'DELETE', headers: withKey() })).status,
    ).toBe(404)
  })

  it('keeps no secret as it is', async () => {
    const rows =
      await platform.sql`select row_to_json(k)::text as t from gateway.api_key k union all select row_to_json(o)::text from gateway.operator o`
    const text = rows.map((r) => r.t).join()
    expect(text).not.toContain(KEY)
    expect(text).not.toContain(PASSWORD)
  })
})

describe('Idempotency-Key', () => {
  const post = (key: string, body: string, path = '/api/v1/tokens') =>
    request(path, {
      method: 'POST',
      headers: withKey({ 'idempotency-key': key, 'content-type': 'application/json' }),
      body,
    })

  it('carries a request out once and tells its answer again', async () => {
    asked.length = 0
    answer = () => Response.json({ done: asked.length }, { status: 201 })
    const first = await post('k1', '{"a":1}')
    const again = await post('k1', '{"a":1}')
    expect([first.status, again.status]).toEqual([201, 201])
    expect(await again.json()).toEqual(await first.json())
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(asked).toHaveLength(1)
  })

  it('refuses the same key for another request', async () => {
    expect((await post('k1', '{"a":2}')).status).toBe(422)
    expect((await post('k1', '{"a":1}', '/api/v1/drivers')).status).toBe(422)
  })

  it('lets a request be tried again after the server failed', async () => {
    answer = () => Response.json({ status: 503 }, { status: 503 })
    expect((await post('k2', '{}')).status).toBe(503)
    answer = () => Response.json({ ok: true })
    expect((await post('k2', '{}')).status).toBe(200)
  })

  it('does not store an answer that tells a secret', async () => {
    answer = () => Response.json({ mqtt: { password: 'only-once' } }, { status: 201 })
    expect((await post('k3', '{}', '/api/v1/sites')).status).toBe(201)
    expect((await post('k3', '{}', '/api/v1/sites')).status).toBe(409)
    const rows = await platform.sql`select body from gateway.idempotency where key = 'k3'`
    expect(rows[0]!.body).toBeNull()
  })

  it('forgets a key after a day', async () => {
    answer = () => Response.json({ ok: true })
    platform.clock.advance(25 * 3_600_000)
    expect((await post('k1', '{"other":true}')).status).toBe(200)
  })
})

describe('/openapi.json', () => {
  it('joins the descriptions of the services under /api/v1', async () => {
    answer = (target) =>
      target === 'billing-service'
        ? Response.json({
            paths: { '/v1/cdrs': { get: { summary: 'CDRs' } }, '/v1/internal': { get: {} } },
            components: { schemas: { Cdr: {} } },
          })
        : new Response(null, { status: 503 })
    const document = await jsonOf<{ openapi: string; paths: object; components: { schemas: object } }>(
      await request('/openapi.json'),
    )
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/v1/sign-in', '/api/v1/stream', '/api/v1/cdrs']),
    )
    expect(document.paths).not.toHaveProperty('/api/v1/internal')
    expect(document.components.schemas).toHaveProperty('Cdr')
    expect(document.components.schemas).toHaveProperty('ApiKey')
  })
})

describe('/api/v1/stream', () => {
  const readModel: Projection = { consumer: 'station', kinds: [], apply: async () => {} }

  interface Event {
    id?: string
    event?: string
    data?: string
  }

  async function open(lastEventId?: string, authorization = `Bearer ${KEY}`) {
    const abort = new AbortController()
    const response = await request('/api/v1/stream', {
      headers: { authorization, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
      signal: abort.signal,
    })
    expect(response.status).toBe(200)
    const events: Event[] = []
    const stream = { events, ended: false, close }
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    const done = (async () => {
      let text = ''
      for (;;) {
        const { value, done: ended } = await reader.read()
        if (ended) {
          stream.ended = true
          return
        }
        text += value
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) {
          const event = Object.fromEntries(
            block
              .split('\n')
              .filter((line) => line !== '' && !line.startsWith(':'))
              .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
          )
          if (Object.keys(event).length > 0) events.push(event)
        }
      }
    })()
    return stream

    async function close() {
      abort.abort()
      await reader.cancel().catch(() => {})
      await done
    }
  }
  const sitesAre = (...siteIds: string[]) => {
    const site = {
      name: 'S',
      timeZone: 'UTC',
      createdAt: '2026-11-23T12:00:00.000Z',
      online: true,
      stations: 0,
    }
    const items = siteIds.map((siteId) => ({
      ...site,
      siteId,
      lastHeardAt: null,
      journal: null,
      backlog: null,
    }))
    answer = (_, path) => Response.json(path === '/v1/sites' ? { items, next: null } : {})
  }

  const until = async (what: string, look: () => boolean) => {
    for (let i = 0; i < 30_000; i++) {
      if (look()) return
      platform.clock.advance(30)
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    throw new Error(`in vain: ${what}`)
  }
  const told = (events: Event[]) =>
    events.filter((e) => e.event === 'fact').map((e) => JSON.parse(e.data!).sessionId)
  const end = (sessionId: string) => ({
    kind: 'session.register' as const,
    sessionId,
    data: { at: '2026-11-23T12:00:00.000Z', registerMilliWh: 1 },
  })

  it('tells a fact only when the read model has it, resumes after an id, and begins with the live picture', async () => {
    answer = (_, path) =>
      path === '/v1/sites'
        ? Response.json({
            items: [
              {
                siteId: 'site-1',
                name: 'S',
                timeZone: 'UTC',
                createdAt: '2026-11-23T12:00:00.000Z',
                online: true,
                lastHeardAt: null,
                journal: null,
                backlog: null,
                stations: 0,
              },
            ],
            next: null,
          })
        : Response.json({})
    await platform.bus.put('live-picture.site-1', { siteId: 'site-1', n: 7 }, 60_000)
    await platform.catchUp(readModel)

    const first = await open()
    await until('the picture', () => first.events.some((e) => e.event === 'live'))
    expect(first.events.find((e) => e.event === 'live')!.id).toBeUndefined()
    await platform.appendFacts('site-1', [end('s1')])
    await until('a look at the log', () => true)
    for (let i = 0; i < 20; i++) await until('another look', () => true)
    expect(told(first.events)).toEqual([])
    await platform.catchUp(readModel)
    await until('s1', () => told(first.events).length === 1)
    const id = first.events.filter((e) => e.event === 'fact').at(-1)!.id!
    first.close()

    await platform.appendFacts('site-1', [end('s2'), end('s3')])
    await platform.appendFacts('site-2', [end('s4')])
    await platform.catchUp(readModel)
    const second = await open(id)
    await until('what was missed', () => told(second.events).length === 3)
    expect(told(second.events).sort()).toEqual(['s2', 's3', 's4'])
    expect(second.events.filter((e) => e.event === 'live' || e.event === 'fact')[0]!.event).toBe('live')
    await platform.appendFacts('site-1', [end('s5')])
    await platform.catchUp(readModel)
    await until('what is new', () => told(second.events).length === 4)
    const last = second.events.filter((e) => e.event === 'fact').at(-1)!.id!
    second.close()

    const third = await open(last)
    await until('the stream to be open', () => third.events.some((e) => e.id !== undefined))
    expect(told(third.events)).toEqual([])
    third.close()
  })

  it('says reset for an id of another log, and for one that is nonsense', async () => {
    for (const id of [
      'othergeneration.0-0-0-0-0-0-0-0',
      'x',
      `${platform.context.eventLog.generation}.1-2`,
    ]) {
      const stream = await open(id)
      await until('the reset', () => stream.events.some((e) => e.event === 'reset'))
      stream.close()
    }
  })

  it('ends with the key or the sign-in that it was opened by', async () => {
    const made: { key: string; apiKeyId: string } = await jsonOf(
      await request('/api/v1/api-keys', {
        method: 'POST',
        headers: withKey({ 'content-type': 'application/json' }),
        body: JSON.stringify({ name: 'stream' }),
      }),
    )
    const kept = await open()
    const revoked = await open(undefined, `Bearer ${made.key}`)
    await request(`/api/v1/api-keys/${made.apiKeyId}`, { method: 'DELETE', headers: withKey() })
    await until('the end', () => revoked.ended)
    expect(kept.ended).toBe(false)
    kept.close()
  })

  it('tells pictures and facts that together exceed the buffer, as fast as they are read', async () => {
    const siteIds = ['big-1', 'big-2', 'big-3', 'big-4']
    sitesAre(...siteIds)
    const padding = 'x'.repeat(MAX_WAITING_BYTES / 3)
    for (const siteId of siteIds) await platform.bus.put(`live-picture.${siteId}`, { siteId, padding }, 1e9)
    const first = await open()
    await until('the id', () => first.events.some((e) => e.id !== undefined))
    const { id } = first.events.findLast((e) => e.id !== undefined)!
    first.close()
    await platform.appendFacts('site-1', [end('after-large')])
    await platform.catchUp(readModel)
    const second = await open(id)
    await until('the fact', () => told(second.events).includes('after-large'))
    expect(second.events.filter((e) => e.event === 'live')).toHaveLength(4)
    expect(second.ended).toBe(false)
    second.close()
  })

  it('leaves behind a client that does not read', async () => {
    sitesAre()
    const response = await request('/api/v1/stream', { headers: withKey() })
    const size = async () =>
      /switchyard_stream_clients (\d+)/.exec(await platform.context.metrics.metrics())?.[1]
    expect(await size()).toBe('1')
    const padding = 'x'.repeat(MAX_WAITING_BYTES / 3)
    for (let n = 0; n < 5; n++) platform.bus.publish('live.default', { siteId: 'site-1', n, padding })
    await expect.poll(size).toBe('0')
    await response.body?.cancel()
  })

  it("does not tell another tenant's facts", async () => {
    const stream = await open()
    await platform.appendFacts('site-9', [end('theirs')], { tenantId: 'other' })
    await platform.appendFacts('site-1', [end('ours')])
    await platform.catchUp(readModel)
    await until('ours', () => told(stream.events).includes('ours'))
    expect(told(stream.events)).not.toContain('theirs')
    stream.close()
  })
})
