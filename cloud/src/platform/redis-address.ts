/**
 * Where Redis is: one server, or the Sentinels that know which of several is the master now.
 * `redis://[user:password@]host[:port][/db]`, `redis+sentinel://[user:password@]host[:port],host[:port].../master[/db]`; with TLS
 * `rediss:` and `rediss+sentinel:`.
 */
import type { RedisOptions } from 'ioredis'
import { type HostPort, readHostPort } from './host-port.ts'

/** What is ours to say of a client; its mapping of replies is left as it is. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>

const SENTINEL = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/]+)\/([A-Za-z0-9._-]+)(?:\/(\d+))?$/
const DEFAULT_SENTINEL_PORT = 26_379

export type RedisAddress = { url: string } | { options: ClientOptions }

/** Undefined when the text is no address of Redis. */
export function readRedisAddress(text: string): RedisAddress | undefined {
  if (/^rediss?:\/\//.test(text))
    return URL.canParse(text) && new URL(text).hostname !== '' ? { url: text } : undefined
  const [, tls, credentials = '', hosts = '', name = '', db] = SENTINEL.exec(text) ?? []
  if (tls === undefined) return undefined
  const sentinels = hosts.split(',').map((it) => readHostPort(it, DEFAULT_SENTINEL_PORT))
  const account = readCredentials(credentials)
  if (!account || sentinels.some((it) => it === undefined)) return undefined
  return {
    options: {
      sentinels: sentinels as HostPort[],
      name,
      ...account,
      ...(db === undefined ? {} : { db: Number(db) }),
      ...(tls === 's' ? { tls: {}, enableTLSForSentinelMode: true } : {}),
      // Told by the Sentinels too when a master is replaced that still answers.
      failoverDetector: true,
    },
  }
}

/** `user:password`, each percent-encoded, or only `:password`. */
function readCredentials(text: string): { username?: string; password?: string } | undefined {
  if (text === '') return {}
  try {
    const [username = '', password] = text.split(':').map(decodeURIComponent)
    return {
      ...(username === '' ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    }
  } catch {
    return undefined
  }
}
