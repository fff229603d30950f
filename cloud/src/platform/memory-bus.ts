/** The bus within one process. Messages pass through JSON, so that nothing works here that Redis would break. */
import type { Logger } from 'pino'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { Counters } from './counters.ts'

/** Most values kept; the oldest go first. */
export const MAX_MEMORY_BUS_KEYS = 50_000

export function createMemoryBus({ clock, log }: { clock: Clock; log: Logger }): Bus {
  const handlers = new Map<string, Set<(message: unknown) => void>>()
  const values = new Map<string, { text: string; expiresAt: number }>()
  const counters = new Counters(clock)
  let closed = false

  function put(key: string, value: unknown, ttlMs: number): void {
    values.delete(key)
    values.set(key, { text: JSON.stringify(value), expiresAt: clock.now() + ttlMs })
    for (const oldest of values.keys()) {
      if (values.size <= MAX_MEMORY_BUS_KEYS) break
      values.delete(oldest)
    }
  }

  function get(key: string): unknown {
    const held = values.get(key)
    if (!held) return undefined
    if (held.expiresAt > clock.now()) return JSON.parse(held.text)
    values.delete(key)
    return undefined
  }

  return {
    publish(channel, message) {
      if (closed || !handlers.has(channel)) return
      const text = JSON.stringify(message)
      setImmediate(() => {
        for (const handler of handlers.get(channel) ?? []) {
          try {
            handler(JSON.parse(text))
          } catch (error) {
            log.error({ err: error, channel }, 'a bus handler failed')
          }
        }
      })
    },
    subscribe(channel, handler) {
      const own = (message: unknown): void => handler(message)
      const set = handlers.get(channel) ?? new Set()
      handlers.set(channel, set.add(own))
      return () => {
        set.delete(own)
        if (set.size === 0 && handlers.get(channel) === set) handlers.delete(channel)
      }
    },
    async put(key, value, ttlMs) {
      put(key, value, ttlMs)
      return true
    },
    async putNew(key, value, ttlMs) {
      if (get(key) === undefined) put(key, value, ttlMs)
    },
    async get(key) {
      return get(key)
    },
    async getMany(keys) {
      return keys.map(get)
    },
    async add(key, by, windowMs) {
      return counters.add(key, by, windowMs)
    },
    ready: () => !closed,
    async close() {
      closed = true
      handlers.clear()
      values.clear()
    },
  }
}
