/** What goes wrong with wake-ups costs time, never a fact: consumers and relays at work beside a bus that loses every message. */
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Bus } from '../bus.ts'
import { createTestPlatform, type TestPlatform } from '../testing.ts'
import { CONSUMER_POLL_MS, startConsumers } from './consumer.ts'
import { oneByOne, type Projection } from './entry.ts'
import type { Loop } from './loop.ts'
import { startRelay } from './relay.ts'

let platform: TestPlatform
const loops: Loop[] = []
beforeEach(async () => {
  platform = await createTestPlatform({ service: { name: 'site-gateway', schema: 'site_gateway' } })
})
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop.stop()
  await platform?.close()
})

const deaf: Bus = {
  publish() {},
  subscribe: () => () => {},
  put: async () => false,
  async putNew() {},
  get: async () => undefined,
  getMany: async (keys) => keys.map(() => undefined),
  add: async (_, by, windowMs) => ({ count: by, endsInMs: windowMs }),
  ready: () => false,
  async close() {},
}

it('facts and outboxes are taken by polling, each once, with two of everything at work', async () => {
  const { context, sql } = platform
  const seen: string[] = []
  const projection: Projection = {
    consumer: 'test',
    kinds: ['station.connected', 'alert.raised'],
    apply: oneByOne(async (_, entry) => {
      seen.push(`${entry.siteId} ${entry.kind}`)
    }),
  }
  for (let replica = 0; replica < 2; replica++) {
    const options = { ...context, bus: deaf, metrics: new Registry() }
    loops.push(await startConsumers({ ...options, projections: [projection] }))
    loops.push(startRelay({ ...options, schema: 'site_gateway', producer: 'site-gateway' }))
  }
  await platform.appendFacts('a', [
    { kind: 'station.connected', stationId: 'CP1', data: { ocpp: 'ocpp1.6' } },
    { kind: 'station.connected', stationId: 'CP2', data: { ocpp: 'ocpp1.6' } },
  ])
  await sql.begin((tx) =>
    context.eventLog.publish(tx, {
      tenantId: 'default',
      siteId: 'a',
      kind: 'alert.raised',
      at: '2026-11-23T12:00:00.000Z',
      data: { alertId: 'x', rule: 'test', severity: 'info', text: 'x' },
    }),
  )
  // Nothing but the clock moves them.
  await expect
    .poll(() => {
      platform.clock.advance(CONSUMER_POLL_MS)
      return [...seen].sort()
    })
    .toEqual(['a alert.raised', 'a station.connected', 'a station.connected'])
})
