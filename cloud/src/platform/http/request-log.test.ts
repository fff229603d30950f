import type { Hono } from 'hono'
import { afterEach, expect, it } from 'vitest'
import { createLog } from '../log.ts'
import { createServiceApp } from './openapi.ts'
import { notFound } from './problem.ts'
import { type RunningServer, startServer } from './server.ts'

const SERVICE_KEY = 'service-key-of-the-tests'
let server: RunningServer | undefined
let lines: Record<string, unknown>[] = []
afterEach(async () => {
  await server?.close(100)
  lines = []
})

async function ask(method: string, path: string, body?: object): Promise<Response> {
  const log = createLog('debug', { write: (line) => void lines.push(JSON.parse(line)) })
  const app = createServiceApp({ name: 'station-service', log, serviceKey: SERVICE_KEY })
  app.post('/v1/stations', (c) => c.json({}, 201))
  app.get('/v1/tokens/:id', () => {
    throw notFound('There is no such token')
  })
  server = await startServer({
    name: 'station-service',
    instance: 'i1',
    version: '1',
    build: 'b1',
    port: 0,
    bindAddress: '127.0.0.1',
    log,
    metrics: undefined,
    routes: app as unknown as Hono,
    notReady: () => undefined,
  })
  return fetch(`${server.url}${path}`, {
    method,
    headers: {
      'x-switchyard-service-key': SERVICE_KEY,
      'x-switchyard-tenant': 'acme',
      'x-switchyard-actor': 'user:u1',
      'x-request-id': 'asked-1',
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
}

it('a request that changes something leaves a line with its id and who asked, and nothing of what was sent', async () => {
  expect((await ask('POST', '/v1/stations?secret=s1', { password: 's2' })).status).toBe(201)
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      requestId: 'asked-1',
      method: 'POST',
      path: '/v1/stations',
      tenantId: 'acme',
      actor: 'user:u1',
      status: 201,
      durationMs: expect.any(Number),
      msg: 'a request was answered',
    },
  ])
})

it('a problem names the request, so that its lines are found; a token in a path is not logged', async () => {
  const response = await ask('GET', '/v1/tokens/04A1B2C3')
  expect(await response.json()).toMatchObject({ status: 404, requestId: 'asked-1' })
  expect(lines).toMatchObject([
    { level: 'debug', requestId: 'asked-1', path: '/v1/tokens/[redacted]', status: 404 },
  ])
})
