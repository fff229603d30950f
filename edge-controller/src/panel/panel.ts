/** The local HTTP panel: `/health`, `/metrics`, `/api/status` and a plain status page. Read only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../ports.ts'
import { hostAllowed } from './host-guard.ts'
import { createMetrics, type ShownCertificate } from './metrics.ts'
import { statusPage } from './page.ts'
import { type SiteStatus, withoutTokens } from './status.ts'

/** Connections at once; further ones are refused. */
const MAX_CONNECTIONS = 50
const REQUEST_TIMEOUT_MS = 5_000

export interface PanelOptions {
  host: string
  port: number
  metrics: boolean
  /** Whose end the metrics tell. */
  certificates?: readonly ShownCertificate[]
  build: string
  log: Log
  status(): SiteStatus
}

export interface Panel {
  readonly port: number
  close(): Promise<void>
}

interface Reply {
  code: number
  type: string
  body: string
}

/** Rejects when the port cannot be bound. */
export async function openPanel(options: PanelOptions): Promise<Panel> {
  const { host, status, log, build } = options
  const metrics = options.metrics ? createMetrics(status, options.certificates) : undefined
  const server = createServer({
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: REQUEST_TIMEOUT_MS,
  })
  server.maxConnections = MAX_CONNECTIONS

  async function reply(request: IncomingMessage): Promise<Reply> {
    if (!hostAllowed(request.headers.host, host))
      return problem(421, 'this panel is not served under that host name')
    if (request.method !== 'GET' && request.method !== 'HEAD') return problem(405, 'this panel is read only')
    switch (request.url?.split('?', 1)[0]) {
      case '/':
        return { code: 200, type: 'text/html; charset=utf-8', body: statusPage(status()) }
      case '/health': {
        const { bootId, version } = status()
        return json(200, { status: 'ok', service: 'edge-controller', instance: bootId, version, build })
      }
      case '/api/status':
        return json(200, withoutTokens(status()))
      case '/metrics':
        if (metrics) return { code: 200, type: metrics.contentType, body: await metrics.metrics() }
    }
    return problem(404, 'no such page: /, /health, /metrics and /api/status are here')
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    reply(request)
      .catch((error: unknown) => {
        log.error({ error, path: request.url?.slice(0, 200) }, 'the panel could not answer')
        return problem(500, 'the panel could not answer')
      })
      .then(({ code, type, body }) => {
        response.writeHead(code, { ...SECURITY_HEADERS, 'content-type': type })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
  })
  await listen(server, host, options.port)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The page has a style of its own and nothing else. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

function json(code: number, value: object): Reply {
  return { code, type: 'application/json', body: JSON.stringify(value) }
}

function problem(code: number, title: string): Reply {
  return {
    code,
    type: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title, status: code }),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
