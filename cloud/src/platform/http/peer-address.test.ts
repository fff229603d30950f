import { Hono } from 'hono'
import { expect, it } from 'vitest'
import { peerAddress, readNetworks } from './peer-address.ts'

/** What is told of a request that comes from `socket` with this X-Forwarded-For, where `trusted` are believed. */
async function told(socket: string, forwarded: string | undefined, trusted: string): Promise<string> {
  const app = new Hono()
  app.get('/', (c) => c.text(peerAddress(c, readNetworks(trusted)!)))
  const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  const incoming = { socket: { remoteAddress: socket, remotePort: 1, remoteFamily: 'IPv4' } }
  return (await app.request('/', { headers }, { incoming })).text()
}

it('believes nobody unless told to', async () => {
  expect(await told('10.0.0.1', '203.0.113.9', '')).toBe('10.0.0.1')
  expect(await told('198.51.100.7', '203.0.113.9', '10.0.0.0/8')).toBe('198.51.100.7')
})

it('takes the last address that no trusted proxy has: what a client writes itself lies before it', async () => {
  expect(await told('10.0.0.1', '203.0.113.9', '10.0.0.0/8')).toBe('203.0.113.9')
  expect(await told('::ffff:10.0.0.1', '1.2.3.4, 203.0.113.9, 10.0.0.7', '10.0.0.0/8,::1')).toBe(
    '203.0.113.9',
  )
  expect(await told('::1', '2001:db8::5', '::1')).toBe('2001:db8::5')
  expect(await told('10.0.0.1', undefined, '10.0.0.0/8')).toBe('10.0.0.1')
  expect(await told('10.0.0.1', 'nonsense', '10.0.0.0/8')).toBe('10.0.0.1')
})

it('reads addresses and networks, and nothing else', () => {
  expect(readNetworks('10.0.0.0/8, 192.0.2.1,fd00::/8')).toBeDefined()
  for (const wrong of ['haproxy', '10.0.0.0/33', '10.0.0.0/', '::/129', '1.2.3.4/8/8', '10.0.0'])
    expect(readNetworks(wrong), wrong).toBeUndefined()
})
