import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { apiUrl, request } from './client.ts'
import { ProblemError, readableMessage, UnreachableError } from './problem.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.unstubAllGlobals()
  for (const close of closing.splice(0)) await close()
})

/** A real server; relative addresses lead to it as they lead to the page's own origin in a browser. */
async function serve(status: number, body: string, type = 'application/json') {
  const seen: { method?: string; url?: string; key?: string; body: string }[] = []
  const server = createServer((incoming, response) => {
    let text = ''
    incoming.on('data', (chunk) => {
      text += chunk
    })
    incoming.on('end', () => {
      seen.push({
        method: incoming.method!,
        url: incoming.url!,
        key: String(incoming.headers['idempotency-key']),
        body: text,
      })
      response.writeHead(status, { 'content-type': type }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(() => resolve())))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const real = fetch
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => real(origin + path, init))
  return seen
}

test('parameters without a value are left out, the others are escaped', () => {
  expect(apiUrl('/sessions', { status: undefined, cursor: null, siteId: 'a b&c' })).toBe(
    '/api/v1/sessions?siteId=a+b%26c',
  )
})

test('a POST carries its body and its idempotency key', async () => {
  const seen = await serve(202, '{"commandId":"c1"}')
  const answer = await request('/stations/x/commands', {
    method: 'POST',
    body: { kind: 'Reset' },
    idempotencyKey: 'k1',
  })
  expect(answer).toEqual({ commandId: 'c1' })
  expect(seen).toEqual([
    { method: 'POST', url: '/api/v1/stations/x/commands', key: 'k1', body: '{"kind":"Reset"}' },
  ])
})

test('an empty answer is none', async () => {
  await serve(200, '')
  expect(await request('/sign-out', { method: 'POST' })).toBeUndefined()
})

test('a problem document becomes a readable message that names the field', async () => {
  await serve(
    422,
    JSON.stringify({
      type: 'about:blank',
      title: 'Not valid',
      status: 422,
      errors: [{ path: 'idToken', message: 'too long' }],
    }),
    'application/problem+json',
  )
  const error = await request('/tokens').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ProblemError)
  expect(readableMessage(error)).toBe('Not valid (idToken: too long)')
})

test('an answer of something else in between is readable too', async () => {
  await serve(503, '<html>down</html>', 'text/html')
  const error = await request('/sites').catch((caught: unknown) => caught)
  expect(readableMessage(error)).toBe('A service is not available at the moment')
})

test('no server is said plainly', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed')))
  const error = await request('/sites').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UnreachableError)
  expect(readableMessage(error)).toMatch(/cannot be reached/)
})
