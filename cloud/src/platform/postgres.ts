/** Pools of Postgres connections. A pool belongs to one target; its size is budgeted in the configuration. */
import { Socket } from 'node:net'
import type { Logger } from 'pino'
import postgres, { type Sql } from 'postgres'
import { systemRandom } from './clock.ts'

/** A statement that takes longer is cancelled. */
export const STATEMENT_TIMEOUT_MS = 15_000
/** A transaction that stands idle longer is ended by the server, so that it cannot hold locks. */
export const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
/** As the server calls them. */
export const CONNECTION_BOUNDS = {
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
}
/**
 * A server that lives has answered or cancelled by then. A connection that is silent for longer is unused, or dead without a word
 * (a router forgot it), and would hold whoever waits on it for as long as the system keeps it: it is closed, and made anew when needed.
 */
const SILENCE_MS = STATEMENT_TIMEOUT_MS + 5_000
/** An unused connection is given back. */
const IDLE_CONNECTION_S = 60
const CONNECT_TIMEOUT_S = 10
/** Longest wait before a connection that failed is made anew. The client's own grows to 20 s, and a query that it has taken on waits it out. */
export const MAX_RECONNECT_DELAY_S = 1
/** After the first failure; doubles with each. */
const RECONNECT_DELAY_S = 0.02

/** bigint columns are read as numbers; one that a number cannot hold exactly is an error, never rounded. */
const bigint = {
  to: 20,
  from: [20],
  serialize: (value: number | bigint): string => String(value),
  parse: (text: string): number => {
    const value = Number(text)
    if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond what a number holds`)
    return value
  },
}

export interface PoolOptions {
  url: string
  /** Most connections. */
  size: number
  /** Told to the server, for pg_stat_activity. */
  name: string
  log?: Logger
  silenceMs?: number
  /** `url` leads through a pooler in transaction mode: see pooler.ts. */
  pooled?: boolean
}

export function createPool(options: PoolOptions): Sql {
  const { url, size, name, log, silenceMs = SILENCE_MS, pooled = false } = options
  // `socket` is known to the client and not to its types.
  const sockets = { socket: socketsOf(silenceMs) }
  return postgres(url, {
    ...sockets,
    max: size,
    idle_timeout: IDLE_CONNECTION_S,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: reconnectDelayS,
    // A prepared statement stays on the connection to the server, which behind a pooler is another one for the next transaction.
    prepare: !pooled,
    // One query at a time: the pooler takes its connection back after each answer, and what the client asks first for a query with
    // parameters (their types, without a Sync) does not hold it. Sent behind another query, that would be answered to nobody.
    ...(pooled ? { max_pipeline: 0 } : {}),
    types: { bigint },
    connection: {
      application_name: `switchyard ${name}`,
      ...(pooled ? {} : CONNECTION_BOUNDS),
      timezone: 'UTC',
    },
    onnotice: (notice) => log?.debug({ notice: notice.message }, 'Postgres says'),
  }) as unknown as Sql
}

/** Seconds to wait after so many failures of the pool in a row, with jitter down to a half. */
export function reconnectDelayS(failures: number): number {
  return (
    (0.5 + systemRandom.below(1_000) / 2_000) *
    Math.min(RECONNECT_DELAY_S * 2 ** failures, MAX_RECONNECT_DELAY_S)
  )
}

interface Where {
  host: string[]
  port: number[]
  /** Of a Unix socket. */
  path: string | false
}

/**
 * Makes a pool's sockets, each connecting when it is given back: what is written until then waits in it. Over TLS the client
 * takes the socket over, and silence is the system's to notice.
 */
function socketsOf(silenceMs: number): (where: Where) => Socket {
  let turn = 0
  return ({ host, port, path }) => {
    const socket = new Socket()
    socket.setTimeout(silenceMs, () => {
      const silent = new Error(`the database has been silent for ${silenceMs} ms`)
      socket.destroy(Object.assign(silent, { code: 'ETIMEDOUT' }))
    })
    if (path) return socket.connect(path)
    const at = turn++ % port.length
    // The client looks there for the name that a certificate must be of.
    return Object.assign(socket.connect(port[at] ?? 0, host[at] ?? ''), { host: host[at] })
  }
}

/** One connection of its own, for migrations: not through a pooler, without a statement timeout. */
export function createDirectConnection(url: string, name: string): Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    types: { bigint },
    // As text: the client does not send a zero, and the role may have a bound of its own (pooler.ts).
    connection: { application_name: `switchyard ${name}`, statement_timeout: '0' as never, timezone: 'UTC' },
    onnotice: () => {},
  }) as unknown as Sql
}

/** SQLSTATE classes that say nothing about the data: connection, rollback, resources, operator, lock. */
const TRANSIENT_CLASSES = new Set(['08', '25', '40', '53', '57', '58'])
const LOCK_NOT_AVAILABLE = '55P03'

/** Whether the same work may succeed when tried again, because the database (not the data) was in the way. */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return false
  if (/^(CONNECTION_|CONNECT_|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/.test(code)) return true
  return code === LOCK_NOT_AVAILABLE || (code.length === 5 && TRANSIENT_CLASSES.has(code.slice(0, 2)))
}
