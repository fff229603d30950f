/** A target's HTTP server: its own routes beside /health, /ready and /metrics, and an orderly close. */
import type { Server } from 'node:http'
import { type AddressInfo, Server as Listener } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { exposition } from '../metrics.ts'
import { onError, onNotFound, problemResponse, unavailable } from './problem.ts'
import { requestSeconds } from './request-metrics.ts'

/** Slowest request line and headers that are waited for. */
const HEADERS_TIMEOUT_MS = 15_000
/** Slowest whole request. */
const REQUEST_TIMEOUT_MS = 60_000
/** How long an idle keep-alive connection stays. */
const KEEP_ALIVE_MS = 30_000
/** How often a server that closes looks for connections with nothing left to do. */
const IDLE_CHECK_MS = 20

export interface ServerOptions {
  name: string
  instance: string
  version: string
  build: string
  port: number
  bindAddress: string
  log: Logger
  /** Undefined: /metrics is not served. */
  metrics: Registry | undefined
  routes: Hono | undefined
  /** Serves /v1/parked, where the target has consumers. */
  parked?: Hono | undefined
  /** Undefined when ready; otherwise why not. */
  notReady(): string | undefined | Promise<string | undefined>
}

export interface RunningServer {
  server: Server
  port: number
  /** Base URL on the address it listens on. */
  url: string
  /**
   * Takes no new connections, and says in each answer that its connection ends; done when all have ended, at the latest after
   * `lingerMs`. An idle connection that is cut at once may be under a request on its way, which a balancer does not send again unless
   * it only reads.
   */
  turnAway(lingerMs: number): Promise<void>
  /** Takes no new connections, finishes what is begun within `deadlineMs`, then cuts. */
  close(deadlineMs: number): Promise<void>
}

/** Listens; rejects with a message that names the port when it is taken. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { name, instance, version, build, log, metrics } = options
  const app = new Hono()
  if (metrics) app.use(requestSeconds(metrics))
  app.onError(onError(log))
  app.notFound(onNotFound(() => app.routes))
  app.get('/health', (c) => c.json({ status: 'ok', service: name, instance, version, build }))
  app.get('/ready', async (c) => {
    const reason = await options.notReady()
    return reason === undefined
      ? c.json({ status: 'ready', service: name, instance })
      : problemResponse(c, unavailable(reason).problem)
  })
  if (metrics) {
    app.get('/metrics', async (c) => {
      const { contentType, text } = await exposition(metrics)
      return c.body(text, 200, { 'content-type': contentType })
    })
  }
  const { routes, parked } = options
  if (parked) app.all('/v1/parked/*', (c) => parked.fetch(c.req.raw, c.env))
  if (routes) app.all('*', (c) => routes.fetch(c.req.raw, c.env))

  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  let leaving = false
  server.prependListener('request', (_, response) => {
    if (leaving) response.setHeader('connection', 'close')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `${name}: port ${options.port} on ${options.bindAddress} is taken`
            : `${name}: cannot listen on ${options.bindAddress}:${options.port}: ${error.message}`,
          { cause: error },
        ),
      ),
    )
    server.listen(options.port, options.bindAddress, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `http://${urlHost(options.bindAddress)}:${port}`,
    turnAway: (lingerMs) =>
      new Promise((resolve) => {
        leaving = true
        const over = setTimeout(resolve, lingerMs)
        // What listens, alone: the close of an HTTP server cuts idle connections.
        Listener.prototype.close.call(server, () => {
          clearTimeout(over)
          resolve()
        })
      }),
    close: (deadlineMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), deadlineMs)
        // A connection kept alive becomes idle only after its last response.
        const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
        server.close(() => {
          clearTimeout(cut)
          clearInterval(idle)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

/** An address that others can use: what listens everywhere is reached on loopback. */
function urlHost(bindAddress: string): string {
  if (bindAddress === '0.0.0.0' || bindAddress === '::') return '127.0.0.1'
  return bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress
}
