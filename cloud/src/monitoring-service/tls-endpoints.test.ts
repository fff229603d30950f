/** Against real TLS servers: what they show is told, whoever issued it; what happens to them is, too. Only the clock is the test's. */
import { KeyObject, type webcrypto } from 'node:crypto'
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { createServer, type Server as TlsServer } from 'node:tls'
import { issue } from '@switchyard/protocol/certificates/testing/authority.ts'
import { Registry } from 'prom-client'
import { afterEach, expect, it } from 'vitest'
import { createLog } from '../platform/log.ts'
import { createTestClock, testConfig } from '../platform/testing.ts'
import { startTlsEndpoints } from './tls-endpoints.ts'

const LOOK_MS = 300_000
const LOOK_AGAIN_MS = 30_000
const ANSWER_MS = 5_000

const ended: (() => unknown)[] = []
afterEach(async () => {
  for (const it of ended.splice(0).reverse()) await it()
})

/** Certificate and key as a server takes them: by nobody that anyone trusts. */
async function shown(notAfter: string) {
  const { pem, keys } = await issue('csms.example', undefined, { notAfter })
  const key = KeyObject.from(keys.privateKey as webcrypto.CryptoKey)
  return { cert: pem, key: key.export({ type: 'pkcs8', format: 'pem' }) as string }
}

async function listen<T extends Server | TlsServer>(server: T, port = 0) {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve)
      for (const it of open) it.destroy()
    })
  ended.push(close)
  return { server, open, close, port: (server.address() as AddressInfo).port }
}

function watch(...addresses: string[]) {
  const metrics = new Registry()
  const clock = createTestClock()
  const config = testConfig('postgres://u@127.0.0.1/db', { TLS_ENDPOINTS: addresses.join() })
  const endpoints = startTlsEndpoints({ clock, log: createLog('silent'), config, metrics })
  ended.push(() => endpoints.stop())
  const read = async (name: string, address: string) => {
    const { values = [] } = (await metrics.getSingleMetric(name)?.get()) ?? {}
    return values.find((it) => it.labels.address === address)?.value
  }
  return {
    clock,
    endpoints,
    up: (address: string) => read('switchyard_tls_endpoint_up', address),
    end: async (address: string) => {
      const seconds = await read('switchyard_tls_certificate_ends_timestamp_seconds', address)
      return seconds === undefined ? undefined : new Date(seconds * 1_000).toISOString().slice(0, 10)
    },
  }
}

it('the end of a certificate that nobody trusts is told, also of one that has ended, and nothing is sent', async () => {
  let bytes = 0
  const valid = await listen(createServer(await shown('2031-05-06'), (it) => it.on('data', () => bytes++)))
  const over = await listen(createServer(await shown('2025-06-07'), (it) => it.on('data', () => bytes++)))
  const [first, second] = [`127.0.0.1:${valid.port}`, `localhost:${over.port}`]
  const { up, end } = watch(first, second)
  await expect.poll(() => end(first)).toBe('2031-05-06')
  await expect.poll(() => end(second)).toBe('2025-06-07')
  expect(await up(first)).toBe(1)
  expect(await up(second)).toBe(1)
  await expect.poll(() => valid.open.size + over.open.size).toBe(0)
  expect(bytes).toBe(0)
})

it('a new certificate is told once the server shows it', async () => {
  const { server, port } = await listen(createServer(await shown('2027-01-01')))
  let handshakes = 0
  server.on('secureConnection', () => handshakes++)
  const address = `127.0.0.1:${port}`
  const { clock, end } = watch(address)
  await expect.poll(() => end(address)).toBe('2027-01-01')
  server.setSecureContext(await shown('2028-01-01'))
  clock.advance(LOOK_AGAIN_MS)
  clock.advance(LOOK_MS)
  await expect.poll(() => end(address)).toBe('2028-01-01')
  expect(handshakes).toBe(2)
})

it('one that is away is told, with the end that it showed last; its return is seen sooner', async () => {
  const certificate = await shown('2027-01-01')
  const { port, close } = await listen(createServer(certificate))
  const address = `127.0.0.1:${port}`
  const { clock, up, end } = watch(address)
  await expect.poll(() => up(address)).toBe(1)
  await close()
  clock.advance(LOOK_MS)
  await expect.poll(() => up(address)).toBe(0)
  expect(await end(address)).toBe('2027-01-01')
  await listen(createServer(certificate), port)
  clock.advance(LOOK_AGAIN_MS)
  await expect.poll(() => up(address)).toBe(1)
})

it('one that speaks no TLS, or nothing, shows no certificate; neither holds up a scrape, the others or a stop', async () => {
  const plain = await listen(createPlainServer((it) => it.end('220 hello\r\n')))
  const silent = await listen(createPlainServer((it) => it.resume()))
  const good = await listen(createServer(await shown('2027-01-01')))
  const [first, second, third] = [plain, silent, good].map((it) => `127.0.0.1:${it.port}`) as [
    string,
    string,
    string,
  ]
  const { clock, endpoints, up, end } = watch(first, second, third)
  await expect.poll(() => up(first)).toBe(0)
  await expect.poll(() => up(third)).toBe(1)
  await expect.poll(() => silent.open.size).toBe(1)
  // Nothing is known of it yet, and that is told at once.
  expect(await up(second)).toBeUndefined()
  clock.advance(ANSWER_MS)
  await expect.poll(() => up(second)).toBe(0)
  expect(await end(second)).toBeUndefined()
  await expect.poll(() => silent.open.size).toBe(0)
  clock.advance(LOOK_AGAIN_MS)
  await expect.poll(() => silent.open.size).toBe(1)
  // No time passes on the clock of the handshake.
  await endpoints.stop()
  await expect.poll(() => silent.open.size).toBe(0)
})

it('without endpoints nothing is looked at', async () => {
  const { up } = watch()
  expect(await up('')).toBeUndefined()
})
