/**
 * The bus over Redis, for more than one process. Nothing durable lies in it: while Redis is away messages are dropped, values
 * are unknown, each process counts for itself, and services go on by polling.
 */
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { Counters } from './counters.ts'
import { type ClientOptions, readRedisAddress } from './redis-address.ts'

/** Longest wait between two attempts to connect. */
const MAX_RECONNECT_MS = 5_000
/** A command that Redis does not answer in this time fails. */
const COMMAND_TIMEOUT_MS = 2_000
/** Longest that a request of the API waits for Redis: it can be answered without. */
const QUICK_MS = 250
/** For so long such requests do without a Redis that was slower. */
const REST_MS = 5_000
/** One step on the server: a counter and its end, which begin together. Gives the count and how long it lives on. */
const ADD = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count <= 0 then redis.call('DEL', KEYS[1]) return {0, tonumber(ARGV[2])} end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then left = tonumber(ARGV[2]) redis.call('PEXPIRE', KEYS[1], left) end
return {count, left}`
/** How often each connection asks whether the other side is still there. */
const PING_MS = 5_000
/** A connection that is silent for so long is dead, whatever the system says of it, and is made anew. */
const SILENCE_MS = 15_000

export interface RedisBusOptions {
  /** As readRedisAddress takes it. */
  url: string
  /** Before every key and channel. */
  prefix: string
  clock: Clock
  log: Logger
  pingMs?: number
  silenceMs?: number
}

export async function createRedisBus(given: RedisBusOptions): Promise<Bus> {
  const { url, prefix, clock, log, pingMs = PING_MS, silenceMs = SILENCE_MS } = given
  const address = readRedisAddress(url)
  if (!address) throw new TypeError('no address of Redis')
  const options: ClientOptions = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: silenceMs,
    retryStrategy: backoffMs,
    sentinelRetryStrategy: backoffMs,
    // A master that was made a replica under our feet takes no more writes: asks again who the master is.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
  const open = (own: ClientOptions): Redis => {
    const both: ClientOptions = { ...('options' in address ? address.options : {}), ...own }
    return 'url' in address ? new Redis(address.url, both) : new Redis(both)
  }
  const commands = open(options)
  // A subscriber waits for messages, so it must not time out; it subscribes again by itself after a reconnect.
  const subscriber = open({ ...options, enableOfflineQueue: true, commandTimeout: undefined })
  const handlers = new Map<string, Set<(message: unknown) => void>>()
  let lastError = ''
  for (const client of [commands, subscriber]) {
    client.on('error', (error: Error) => {
      if (error.message === lastError) return
      lastError = error.message
      log.warn({ reason: error.message }, 'Redis cannot be used; going on without it')
    })
    client.on('ready', () => {
      if (lastError !== '') log.info('Redis can be used again')
      lastError = ''
    })
  }
  subscriber.on('message', (channel: string, text: string) => {
    for (const handler of handlers.get(channel) ?? []) {
      try {
        handler(JSON.parse(text))
      } catch (error) {
        log.error({ err: error, channel }, 'a bus handler failed')
      }
    }
  })
  const dropped = (error: Error): void => log.debug({ reason: error.message }, 'Redis did not take a message')
  // What only listens would never notice that nobody speaks any more.
  let cancelPing = (): void => {}
  const pingLater = (): void => {
    cancelPing = clock.after(pingMs, () => {
      for (const client of [commands, subscriber]) if (client.status === 'ready') client.ping().catch(dropped)
      pingLater()
    })
  }
  pingLater()
  const counters = new Counters(clock)
  let restsUntil = Number.NEGATIVE_INFINITY
  /** What Redis answers soon; undefined when it does not, and then for a while without asking. */
  const quickly = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    if (clock.mono() < restsUntil) return undefined
    let cancel = (): void => {}
    let over = false
    const late = new Promise<undefined>((resolve) => {
      // What has come while this process stood still is read first: that was not Redis.
      cancel = clock.after(QUICK_MS, () =>
        setImmediate(() => {
          if (over) return
          restsUntil = clock.mono() + REST_MS
          log.warn(
            { waitedMs: QUICK_MS, restMs: REST_MS },
            'Redis is slow; requests do without it for a while',
          )
          resolve(undefined)
        }),
      )
    })
    try {
      return await Promise.race([ask(), late])
    } catch {
      return undefined
    } finally {
      over = true
      cancel()
    }
  }
  await Promise.all([commands.connect().catch(dropped), subscriber.connect().catch(dropped)])

  return {
    publish(channel, message) {
      commands.publish(prefix + channel, JSON.stringify(message)).catch(dropped)
    },
    subscribe(channel, handler) {
      const full = prefix + channel
      const own = (message: unknown): void => handler(message)
      const set = handlers.get(full) ?? new Set()
      if (set.size === 0) subscriber.subscribe(full).catch(dropped)
      handlers.set(full, set.add(own))
      return () => {
        set.delete(own)
        if (set.size > 0 || handlers.get(full) !== set) return
        handlers.delete(full)
        subscriber.unsubscribe(full).catch(dropped)
      }
    },
    async put(key, value, ttlMs) {
      const kept = commands.set(prefix + key, JSON.stringify(value), 'PX', Math.max(1, ttlMs))
      return (await kept.catch(dropped)) === 'OK'
    },
    async putNew(key, value, ttlMs) {
      await commands.set(prefix + key, JSON.stringify(value), 'PX', Math.max(1, ttlMs), 'NX').catch(dropped)
    },
    async get(key) {
      return read((await quickly(() => commands.get(prefix + key))) ?? null)
    },
    async getMany(keys) {
      if (keys.length === 0) return []
      const texts = await commands.mget(keys.map((it) => prefix + it)).catch(() => keys.map(() => null))
      return texts.map(read)
    },
    async add(key, by, windowMs) {
      const told = await quickly(() => commands.eval(ADD, 1, prefix + key, by, windowMs))
      if (!Array.isArray(told)) return counters.add(key, by, windowMs)
      return { count: Number(told[0]), endsInMs: Number(told[1]) }
    },
    ready: () => commands.status === 'ready' && subscriber.status === 'ready',
    async close() {
      cancelPing()
      handlers.clear()
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function backoffMs(attempt: number): number {
  return Math.min(100 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_MS)
}

function read(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}
