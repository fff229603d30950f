/** What `/metrics` tells of consumers that are behind. */
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../testing.ts'
import { startConsumers } from './consumer.ts'
import type { Projection } from './entry.ts'
import type { Loop } from './loop.ts'

let platform: TestPlatform
let loop: Loop | undefined
let goOn = (): void => {}
beforeEach(async () => {
  platform = await createTestPlatform({ service: { name: 'site-gateway', schema: 'site_gateway' } })
})
afterEach(async () => {
  goOn()
  await loop?.stop()
  await platform?.close()
})

it('entries and seconds of a consumer that is behind are told together, by one query a scrape', async () => {
  const { context } = platform
  let held = false
  const gate = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const projection: Projection = {
    consumer: 'test',
    kinds: ['station.connected'],
    async apply() {
      held = true
      await gate
    },
  }
  const metrics = new Registry()
  let queries = 0
  const sql = new Proxy(context.sql, {
    apply(target, self, args: [TemplateStringsArray, ...unknown[]]) {
      if (args[0].join('?').includes('log.head h')) queries++
      return Reflect.apply(target, self, args)
    },
  })
  loop = await startConsumers({ ...context, sql, metrics, projections: [projection] })
  const connected = { kind: 'station.connected', stationId: 'CP1', data: { ocpp: 'ocpp1.6' } } as const
  await platform.appendFacts('a', [connected, connected])
  context.eventLog.wake()
  await expect.poll(() => held).toBe(true)
  queries = 0
  const told = await metrics.metrics()
  expect(told).toMatch(/^switchyard_consumer_lag_entries\{consumer="test"\} 2$/m)
  expect(told).toMatch(/^switchyard_consumer_lag_seconds\{consumer="test"\} \d/m)
  expect(queries).toBe(1)
  goOn()
  await expect
    .poll(() => metrics.getSingleMetricAsString('switchyard_consumer_lag_entries'))
    .toMatch(/consumer="test"\} 0$/m)
})
