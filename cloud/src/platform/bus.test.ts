/**
 * One contract for every bus: in memory, on Redis (where TEST_REDIS_URL is given, or one answers on the standard port), and on
 * Redis behind Sentinels, which the test starts itself where redis-server is installed.
 */
import { createConnection, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Bus } from './bus.ts'
import { systemClock, systemRandom } from './clock.ts'
import { MAX_COUNTERS } from './counters.ts'
import { createLog } from './log.ts'
import { createMemoryBus, MAX_MEMORY_BUS_KEYS } from './memory-bus.ts'
import { createRedisBus } from './redis-bus.ts'
import {
  redisAnswers,
  redisMissing,
  redisUrl,
  startRedisBehindSentinel,
  type TestRedis,
} from './test-redis.ts'
import { createTestClock } from './testing.ts'

const log = createLog('silent')
const redis = await redisAnswers()
if (!redis) console.log(`contract of the bus against Redis: skipped, nothing answers at ${redisUrl}`)
const prefix = `switchyard-test-${systemRandom.uuid()}:`

if (redisMissing) console.log(`contract of the bus against Redis behind Sentinel: skipped, ${redisMissing}`)
let sentinel: TestRedis | undefined
afterAll(() => sentinel?.stop())
const openRedis = (url: string) => createRedisBus({ url, prefix, clock: systemClock, log })

const buses = [
  { name: 'memory', skip: false, open: async () => createMemoryBus({ clock: systemClock, log }) },
  { name: 'Redis', skip: !redis, open: () => openRedis(redisUrl) },
  {
    name: 'Redis behind Sentinel',
    skip: redisMissing !== undefined,
    open: async () => {
      sentinel = await startRedisBehindSentinel()
      return await openRedis(sentinel.url)
    },
  },
]

for (const { name, skip, open } of buses) {
  describe.skipIf(skip)(`the bus contract: ${name}`, () => {
    let bus: Bus
    beforeAll(async () => {
      bus = await open()
    })
    afterAll(() => bus?.close())

    it('is ready', () => expect(bus.ready()).toBe(true))

    it('tells everyone who listens, in order, and nobody on another channel', async () => {
      const heard: unknown[] = []
      const others: unknown[] = []
      const stops = [
        bus.subscribe('a', (it) => heard.push(it)),
        bus.subscribe('a', (it) => heard.push(it)),
        bus.subscribe('b', (it) => others.push(it)),
      ]
      await listening(bus)
      bus.publish('a', { n: 1 })
      bus.publish('a', { n: 2 })
      await passed(bus)
      expect(heard).toEqual([{ n: 1 }, { n: 1 }, { n: 2 }, { n: 2 }])
      expect(others).toEqual([])
      for (const stop of stops) stop()
      bus.publish('a', { n: 3 })
      await passed(bus)
      expect(heard).toHaveLength(4)
    })

    it('goes on when a listener fails', async () => {
      const heard: unknown[] = []
      const stops = [
        bus.subscribe('f', () => {
          throw new Error('of the test')
        }),
        bus.subscribe('f', (it) => heard.push(it)),
      ]
      await listening(bus)
      bus.publish('f', 1)
      await passed(bus)
      for (const stop of stops) stop()
      expect(heard).toEqual([1])
    })

    it('keeps values until they expire, as JSON', async () => {
      await bus.put('k', { a: [1, 'x', null], b: undefined }, 60_000)
      expect(await bus.get('k')).toEqual({ a: [1, 'x', null] })
      expect(await bus.getMany(['k', 'none', 'k'])).toEqual([
        { a: [1, 'x', null] },
        undefined,
        { a: [1, 'x', null] },
      ])
      expect(await bus.getMany([])).toEqual([])
      await bus.put('short', 1, 1)
      await passed(bus)
      await expect.poll(() => bus.get('short')).toBeUndefined()
    })

    it('says that a value was kept, and keeps a new one only where there is none', async () => {
      expect(await bus.put('old', 1, 60_000)).toBe(true)
      await bus.putNew('old', 2, 60_000)
      await bus.putNew('new', 3, 60_000)
      expect(await bus.getMany(['old', 'new'])).toEqual([1, 3])
    })

    it('counts each step of many at once, never below zero, until the counter ends', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => bus.add('many', 1, 60_000)))
      expect(all.map((it) => it.count).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      )
      for (const { endsInMs } of all) expect(endsInMs > 0 && endsInMs <= 60_000).toBe(true)
      expect((await bus.add('many', -3, 60_000)).count).toBe(17)
      expect((await bus.add('many', -40, 60_000)).count).toBe(0)
      expect((await bus.add('many', 1, 60_000)).count).toBe(1)
      await bus.add('brief', 5, 1)
      await passed(bus)
      await expect.poll(async () => (await bus.add('brief', 1, 1)).count).toBe(1)
    })
  })
}

describe('the bus in memory', () => {
  it('lets the oldest counters go at their bound', async () => {
    const bus = createMemoryBus({ clock: createTestClock(), log })
    for (let i = 0; i <= MAX_COUNTERS; i++) await bus.add(`n${i}`, 1, 1_000)
    expect((await bus.add('n0', 1, 1_000)).count).toBe(1)
    expect((await bus.add(`n${MAX_COUNTERS}`, 1, 1_000)).count).toBe(2)
    await bus.close()
  })

  it('lets the oldest values go at its bound, and expires by its clock', async () => {
    const clock = createTestClock()
    const bus = createMemoryBus({ clock, log })
    for (let i = 0; i <= MAX_MEMORY_BUS_KEYS; i++) await bus.put(`k${i}`, i, 1_000)
    expect(await bus.get('k0')).toBeUndefined()
    expect(await bus.get('k1')).toBe(1)
    clock.advance(1_000)
    expect(await bus.get('k1')).toBeUndefined()
    await bus.close()
  })
})

describe('the bus over Redis', () => {
  it('goes on without one: nothing throws, values are unknown, it says that it is not ready', async () => {
    const bus = await openRedis('redis://127.0.0.1:1')
    expect(bus.ready()).toBe(false)
    bus.publish('a', 1)
    expect(await bus.put('k', 1, 1_000)).toBe(false)
    await bus.putNew('k', 1, 1_000)
    expect(await bus.get('k')).toBeUndefined()
    expect(await bus.getMany(['k'])).toEqual([undefined])
    // It counts for itself.
    for (const count of [1, 2, 3]) expect((await bus.add('n', 1, 60_000)).count).toBe(count)
    await bus.close()
  })

  it.skipIf(!redis)(
    'does without a Redis that is slow, and then asks nothing of it for a while',
    async () => {
      const clock = createTestClock()
      const way = await startWay(new URL(redisUrl))
      const bus = await createRedisBus({ ...way, prefix, clock, log })
      const other = await openRedis(redisUrl)
      try {
        expect((await bus.add('slow', 1, 60_000)).count).toBe(1)
        way.strand()
        const waiting = Promise.all([bus.add('slow', 1, 60_000), bus.get('k')])
        clock.advance(1_000)
        expect(await waiting).toMatchObject([{ count: 1 }, undefined])
        // While it rests nothing waits, and it counts for itself.
        expect((await bus.add('slow', 1, 60_000)).count).toBe(2)
        expect((await other.add('slow', 1, 60_000)).count).toBe(2)
      } finally {
        await bus.close()
        await other.close()
        await way.close()
      }
    },
  )

  it.skipIf(redisMissing)(
    'goes on by itself when the master behind the Sentinels dies',
    async () => {
      const redis = await startRedisBehindSentinel()
      const bus = await openRedis(redis.url)
      try {
        const heard: unknown[] = []
        bus.subscribe('a', (it) => heard.push(it))
        await listening(bus)
        // Looked for from before: it may be short.
        const lost = vi.waitFor(() => expect(bus.ready()).toBe(false), { timeout: 60_000, interval: 1 })
        await redis.killMaster()
        await lost
        await expect.poll(() => bus.ready(), { timeout: 60_000 }).toBe(true)
        // The subscription of before holds on the new master, and it takes values.
        await passed(bus)
        bus.publish('a', 'after')
        await passed(bus)
        expect(heard).toEqual(['after'])
        await bus.put('k', 1, 60_000)
        expect(await bus.get('k')).toBe(1)
      } finally {
        await bus.close()
        await redis.stop()
      }
    },
    120_000,
  )

  it.skipIf(!redis)('notices a connection that is dead without a word, and makes another', async () => {
    const way = await startWay(new URL(redisUrl))
    const bus = await createRedisBus({
      ...way,
      prefix,
      clock: systemClock,
      log,
      pingMs: 50,
      silenceMs: 500,
    })
    try {
      const heard: unknown[] = []
      bus.subscribe('a', (it) => heard.push(it))
      await listening(bus)
      way.strand()
      // What is said now may be lost; what is said once it has noticed is heard.
      await expect
        .poll(
          () => {
            bus.publish('a', 'again')
            return heard
          },
          { timeout: 30_000 },
        )
        .toContain('again')
    } finally {
      await bus.close()
      await way.close()
    }
  })
})

/** A way to Redis whose connections can be made to carry nothing more, while new ones work. */
async function startWay({ hostname, port }: URL) {
  const pairs: [Socket, Socket][] = []
  const server = createServer((client) => {
    const upstream = createConnection(Number(port || 6379), hostname)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.pipe(upstream)
    upstream.pipe(client)
    pairs.push([client, upstream])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`,
    strand() {
      for (const [client, upstream] of pairs) {
        client.unpipe()
        upstream.unpipe()
        client.resume()
        upstream.resume()
      }
    },
    async close() {
      for (const socket of pairs.flat()) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A subscription has reached the server when a later message on a later subscription comes back. */
async function listening(bus: Bus): Promise<void> {
  await passed(bus)
}

async function passed(bus: Bus): Promise<void> {
  const channel = `mark-${systemRandom.uuid()}`
  let seen = false
  const stop = bus.subscribe(channel, () => {
    seen = true
  })
  await expect
    .poll(() => {
      bus.publish(channel, {})
      return seen
    })
    .toBe(true)
  stop()
}
