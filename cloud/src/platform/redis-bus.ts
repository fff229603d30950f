/**
 * The bus over Redis, for more than one process. Nothing durable lies in it: while Redis is away messages are dropped, values
 * are unknown, and services go on by polling.
 */
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Bus } from './bus.ts'

/** Longest wait between two attempts to connect. */
const MAX_RECONNECT_MS = 5_000
/** A command that Redis does not answer in this time fails. */
const COMMAND_TIMEOUT_MS = 2_000

export interface RedisBusOptions {
  url: string
  /** Before every key and channel. */
  prefix: string
  log: Logger
}

export async function createRedisBus({ url, prefix, log }: RedisBusOptions): Promise<Bus> {
  const options = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (attempt: number) => Math.min(100 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_MS),
  }
  const commands = new Redis(url, options)
  // A subscriber waits for messages, so it must not time out; it subscribes again by itself after a reconnect.
  const subscriber = new Redis(url, {
    ...options,
    enableOfflineQueue: true,
    commandTimeout: undefined as never,
  })
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
      await commands.set(prefix + key, JSON.stringify(value), 'PX', Math.max(1, ttlMs)).catch(dropped)
    },
    async get(key) {
      return read(await commands.get(prefix + key).catch(() => null))
    },
    async getMany(keys) {
      if (keys.length === 0) return []
      const texts = await commands.mget(keys.map((it) => prefix + it)).catch(() => keys.map(() => null))
      return texts.map(read)
    },
    ready: () => commands.status === 'ready' && subscriber.status === 'ready',
    async close() {
      handlers.clear()
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function read(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}
