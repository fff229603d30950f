import { Agent, get } from 'node:http'
import { createRoute, z } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { afterEach, expect, it } from 'vitest'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { createServiceApp } from './openapi.ts'
import { conflict, ProblemError, validationErrors } from './problem.ts'
import { type RunningServer, startServer } from './server.ts'
import { createServiceClient } from './service-client.ts'

const SERVICE_KEY = 'service-key-of-the-tests'
const log = createLog('silent')
let servers: RunningServer[] = []
afterEach(async () => {
  await Promise.all(servers.map((it) => it.close(100)))
  servers = []
})

const echo = createRoute({
  method: 'post',
  path: '/v1/things',
  request: { body: { content: { 'application/json': { schema: z.object({ n: z.int().max(9) }) } } } },
  responses: {
    200: {
      description: 'Said back',
      content: { 'application/json': { schema: z.object({ n: z.int(), tenantId: z.string() }) } },
    },
  },
})

async function start(more: Partial<Parameters<typeof startServer>[0]> = {}): Promise<RunningServer> {
  const app = createServiceApp({ name: 'station-service', log, serviceKey: SERVICE_KEY })
  app.openapi(echo, (c) => c.json({ n: c.req.valid('json').n, tenantId: c.get('tenantId') }, 200))
  app.get('/v1/conflict', () => {
    throw conflict('it is there already')
  })
  app.get('/v1/broken', () => {
    throw new Error('a secret of the inside')
  })
  app.get('/v1/slow', async (c) => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return c.text('done')
  })
  const server = await startServer({
    name: 'station-service',
    instance: 'i1',
    version: '1',
    build: 'b1',
    port: 0,
    bindAddress: '127.0.0.1',
    log,
    metrics: createMetrics('station-service'),
    routes: app as unknown as Hono,
    notReady: () => undefined,
    ...more,
  })
  servers.push(server)
  return server
}
const client = (url: string) => createServiceClient('station-service', () => url, SERVICE_KEY)
const caller = { tenantId: 'acme' }

it('health, readiness with its reason, and metrics answer without a key', async () => {
  const { url } = await start()
  expect(await (await fetch(`${url}/health`)).json()).toEqual({
    status: 'ok',
    service: 'station-service',
    instance: 'i1',
    version: '1',
    build: 'b1',
  })
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_cpu_seconds_total')
  const away = await start({ notReady: () => 'the database is away', metrics: undefined })
  const ready = await fetch(`${away.url}/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ detail: 'the database is away' })
  expect((await fetch(`${away.url}/metrics`)).status).toBe(404)
})

it('a service is asked with its key, for a tenant', async () => {
  const { url } = await start()
  const shape = z.object({ n: z.int(), tenantId: z.string() })
  expect(await client(url).read('/v1/things', caller, shape, { method: 'POST', json: { n: 3 } })).toEqual({
    n: 3,
    tenantId: 'acme',
  })
  const without = await fetch(`${url}/v1/things`, { method: 'POST' })
  expect(without.status).toBe(401)
  expect(without.headers.get('content-type')).toBe('application/problem+json')
  const wrong = createServiceClient('station-service', () => url, 'another-key-of-the-tests')
  await expect(wrong.read('/v1/things', caller, shape)).rejects.toMatchObject({ problem: { status: 401 } })
})

it('what no table could keep is refused before a route sees it, by its path', async () => {
  const { url } = await start()
  const post = (body: string) =>
    client(url).fetch('/v1/things', caller, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
  const errors = async (response: Response) =>
    [response.status, ((await response.json()) as { errors?: { path: string }[] }).errors?.[0]?.path] as const
  expect(await errors(await post(JSON.stringify({ n: 1, a: { b: ['x', 'y\0'] } })))).toEqual([422, 'a.b.1'])
  expect(await errors(await post('{"n":1,"a":"\\ud800"}'))).toEqual([422, 'a'])
  expect((await post('{"n":1,"a":"\\ud83d\\ude00"}')).status).toBe(200)
  expect((await post('['.repeat(100_000))).status).toBe(422)
  const nested = `{"n":1,"a":${'['.repeat(65)}${']'.repeat(65)}}`
  expect(await errors(await post(nested))).toEqual([422, ''])
  expect(await errors(await client(url).fetch('/v1/conflict?x=a%00b', caller))).toEqual([422, 'x'])
  expect((await client(url).fetch('/v1/a%00b', caller)).status).toBe(404)
})

it('a path that is known by other methods is a 405 that says which', async () => {
  const { url } = await start()
  const response = await client(url).fetch('/v1/things', caller, { method: 'DELETE' })
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST')
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect((await client(url).fetch('/health', caller, { method: 'POST' })).status).toBe(404)
})

it('what is wrong within a union is told by the branch that was meant, an unknown field by its name', () => {
  const shape = z.strictObject({
    price: z.union([z.number(), z.string()], { error: 'a price' }),
    to: z.union([z.strictObject({ site: z.string() }), z.strictObject({ deep: z.object({ n: z.int() }) })]),
  })
  const errors = (value: unknown) => validationErrors(shape.safeParse(value).error!)
  expect(errors({ price: true, to: { deep: { n: 'x' } }, prize: 1 })).toEqual([
    { path: 'price', message: 'a price' },
    { path: 'to.deep.n', message: 'Invalid input: expected number, received string' },
    { path: 'prize', message: 'is not known here' },
  ])
  expect(errors({ price: 1 })).toEqual([{ path: 'to', message: 'Invalid input' }])
})

it.each([
  ['a', 'b'],
  ['0000-01-01T00:00:00.000Z', 'b'],
  ['2026-01-01T00:00:00.000Z', 'b\0'],
  ['infinity', 'b'],
])('a cursor of %j is none of this list', (...key) => {
  expect(() => decodeCursor(encodeCursor(...key), 'instant', 'text')).toThrow(ProblemError)
})

it('what does not fit the shape is a 422 that says where', async () => {
  const { url } = await start()
  const response = await client(url).fetch('/v1/things', caller, { method: 'POST', json: { n: 10 } })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ status: 422, errors: [{ path: 'n' }] })
  const odd = await client(url).fetch('/v1/things', caller, {
    method: 'POST',
    body: '{',
    headers: { 'content-type': 'application/json' },
  })
  expect(odd.status).toBe(400)
  expect(odd.headers.get('content-type')).toBe('application/problem+json')
})

it('problems travel as they are, and a fault tells nothing of the inside', async () => {
  const { url } = await start()
  const asked = client(url).read('/v1/conflict', caller, z.unknown())
  await expect(asked).rejects.toBeInstanceOf(ProblemError)
  await expect(asked).rejects.toMatchObject({ problem: { status: 409, detail: 'it is there already' } })
  const broken = await client(url).fetch('/v1/broken', caller)
  expect(broken.status).toBe(500)
  expect(await broken.text()).not.toContain('secret')
  expect((await client(url).fetch('/v1/none', caller)).status).toBe(404)
})

it('a service that is away is a 503, one that is slow a 504, one that says something else a 502', async () => {
  const { url } = await start()
  await expect(client('http://127.0.0.1:1').fetch('/v1/x', caller)).rejects.toMatchObject({
    problem: { status: 503 },
  })
  await expect(client(url).fetch('/v1/slow', caller, { timeoutMs: 1 })).rejects.toMatchObject({
    problem: { status: 504 },
  })
  await expect(client(url).read('/health', caller, z.object({ other: z.string() }))).rejects.toMatchObject({
    problem: { status: 502 },
  })
})

it('a taken port is named', async () => {
  const { port } = await start()
  await expect(start({ port })).rejects.toThrow(`port ${port} on 127.0.0.1 is taken`)
})

it('who is turned away is answered once more over a connection that is kept alive, and told that it ends', async () => {
  const server = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<{ status: number | undefined; connection: string | undefined; again: boolean }>(
      (resolve, reject) => {
        const asked = get(`${server.url}/health`, { agent }, (it) => {
          it.resume()
          it.on('end', () =>
            resolve({
              status: it.statusCode,
              connection: it.headers.connection,
              again: asked.reusedSocket,
            }),
          )
        })
        asked.on('error', reject)
      },
    )
  expect(await ask()).toEqual({ status: 200, connection: 'keep-alive', again: false })
  const away = server.turnAway(60_000)
  await expect(fetch(`${server.url}/health`)).rejects.toThrow('fetch failed')
  expect(await ask()).toEqual({ status: 200, connection: 'close', again: true })
  // The last connection has ended, and with it the wait.
  await away
  await server.close(60_000)
})

it('who asks nothing more is not waited for', async () => {
  const server = await start()
  const agent = new Agent({ keepAlive: true })
  await new Promise((resolve, reject) => {
    get(`${server.url}/health`, { agent }, (it) => it.resume().on('end', resolve)).on('error', reject)
  })
  await server.turnAway(1)
  await server.close(60_000)
  agent.destroy()
})

it('a close lets what is begun finish', async () => {
  const server = await start()
  const asked = client(server.url).fetch('/v1/slow', caller)
  await expect
    .poll(async () => new Promise<number>((resolve) => server.server.getConnections((_, n) => resolve(n))))
    .toBeGreaterThan(0)
  const [response] = await Promise.all([asked, server.close(5_000)])
  expect(await response.text()).toBe('done')
})
