import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Aedes, type AuthenticateError } from 'aedes'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Clock, Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { MqttBroker, type MqttBrokerOptions } from './mqtt-broker.ts'
import { FastClock } from './testing/test-site.ts'

let aedes: Aedes
let server: Server
let site: MqttBroker | undefined
let reasons: string[]
let delaysMs: number[]
let onReason: () => void

beforeEach(async () => {
  aedes = await Aedes.createBroker()
  server = createServer((socket) => aedes.handle(socket))
  await listen(0)
  reasons = []
  delaysMs = []
  onReason = () => {}
})
afterEach(async () => {
  await site?.stop()
  await new Promise<void>((resolve) => aedes.close(() => resolve()))
  server.close()
})

async function listen(port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

const log: Log = {
  debug() {},
  info(fields) {
    const { reason, delayMs } = fields as { reason: string; delayMs: number }
    reasons.push(reason)
    delaysMs.push(delayMs)
    onReason()
  },
  warn() {},
  error() {},
}

function connecting(
  password: string,
  port = (server.address() as AddressInfo).port,
  options: Partial<Pick<MqttBrokerOptions, 'clock' | 'random'>> = {},
): Promise<void> {
  site = new MqttBroker({
    url: `mqtt://127.0.0.1:${port}`,
    siteId: 'site-1',
    username: 'site-1',
    password,
    clock: new FastClock(50),
    random: systemRandom,
    log,
    ...options,
  })
  return new Promise((resolve) => site!.start({ onConnect: resolve, onDisconnect() {}, onMessage() {} }))
}

async function refusals(n: number): Promise<void> {
  while (reasons.length < n) await new Promise<void>((resolve) => (onReason = resolve))
}

it('goes on trying with a wrong password, says so, and connects once it is right', async () => {
  let right = 'new'
  aedes.authenticate = (_client, _username, password, done) => {
    if (password?.toString() === right) return done(null, true)
    const error = new Error('wrong password') as AuthenticateError
    error.returnCode = 4
    done(error, false)
  }
  const connected = connecting('old')
  await refusals(3)
  expect(site!.connected()).toBe(false)
  expect(reasons[0]).toMatch(/refused|password/i)
  await expect(site!.publish('t', 'x', 0)).rejects.toThrow('not connected')
  right = 'old'
  await connected
  expect(site!.connected()).toBe(true)
})

it('is not connected while its subscription is refused', async () => {
  let allowed = false
  aedes.authorizeSubscribe = (_client, subscription, done) => done(null, allowed ? subscription : null)
  const connected = connecting('any')
  await refusals(2)
  expect(reasons[0]).toContain('subscription')
  allowed = true
  await connected
})

it('goes on trying while there is no broker at all', async () => {
  const { port } = server.address() as AddressInfo
  server.close()
  const connected = connecting('any', port)
  await refusals(3)
  expect(reasons[0]).toContain('ECONNREFUSED')
  await listen(port)
  await connected
})

it('tries often in the seconds after a loss, for most links are back soon, and then ever more seldom', async () => {
  const { port } = server.address() as AddressInfo
  let nowMs = 0
  // Nothing takes time but the waits.
  const clock: Clock = {
    quality: () => 'synced',
    now: () => nowMs,
    mono: () => nowMs,
    after(delayMs, work) {
      const timer = setImmediate(() => {
        nowMs += delayMs
        work()
      })
      return () => clearImmediate(timer)
    },
  }
  await connecting('any', port, { clock, random: { ...systemRandom, fraction: () => 1 } })
  await new Promise<void>((resolve) => aedes.close(() => resolve()))
  server.close()
  await refusals(8)
  expect(delaysMs.slice(0, 8)).toEqual([1_000, 2_000, 3_000, 3_000, 3_000, 3_000, 60_000, 60_000])
})
