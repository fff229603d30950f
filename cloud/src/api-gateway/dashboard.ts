/** Serves the built dashboard from memory: names with a hash in them for ever, the page itself always fresh. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import type { Context } from 'hono'
import { notFound } from '../platform/http/problem.ts'

/** A build larger than this is a mistake. */
const MAX_DASHBOARD_BYTES = 32 * 1024 * 1024

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
}

/** Everything from this origin. Style elements are made by the component library at run time. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

interface Asset {
  body: Uint8Array<ArrayBuffer>
  type: string
  etag: string
}

/** Undefined directory, or one without a page: the API alone, and `/` says so. */
export function dashboard(directory: string | undefined): (c: Context) => Response {
  const assets = directory === undefined ? new Map<string, Asset>() : load(directory)
  return (c) => {
    const path = new URL(c.req.url).pathname
    const asset = assets.get(path) ?? (extname(path) === '' ? assets.get('/index.html') : undefined)
    if (!asset || path.startsWith('/api/')) {
      throw notFound(
        assets.size === 0 && path === '/'
          ? 'No dashboard is built here; the API is at /api/v1'
          : `Nothing at GET ${path}`,
      )
    }
    const headers = {
      ...SECURITY_HEADERS,
      etag: asset.etag,
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
    if (c.req.header('if-none-match') === asset.etag) return new Response(null, { status: 304, headers })
    return new Response(asset.body, { headers: { ...headers, 'content-type': asset.type } })
  }
}

function load(directory: string): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  if (!existsSync(directory)) return assets
  let bytes = 0
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const file = join(directory, name)
    if (!statSync(file).isFile() || name.endsWith('.map')) continue
    const body = Uint8Array.from(readFileSync(file))
    bytes += body.length
    if (bytes > MAX_DASHBOARD_BYTES)
      throw new Error(`DASHBOARD_DIR: ${directory} holds more than ${MAX_DASHBOARD_BYTES} bytes`)
    assets.set(`/${relative(directory, file).split(sep).join('/')}`, {
      body,
      type: TYPES[extname(name)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`,
    })
  }
  return assets
}
