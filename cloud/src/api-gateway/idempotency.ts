/**
 * `Idempotency-Key` on POST: the first request is carried out, a repetition gets its answer again. A key lives 24 h, per tenant.
 * Errors of the server are not kept, so that the client may try again. Answers that tell a secret are not stored: a repetition is
 * told that it was done.
 */
import { createHash } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { Sql } from 'postgres'
import type { Clock } from '../platform/clock.ts'
import { conflict, invalid } from '../platform/http/problem.ts'
import type { GatewayEnv } from './authenticate.ts'

const KEY_LIFE_MS = 24 * 3_600_000
const MAX_KEY_LENGTH = 255
/** A request that was begun and never finished (the process died) blocks its key no longer than this. */
const BEGUN_LIFE_MS = 60_000
/** Largest answer that is kept; a larger one is told but not repeated. */
const MAX_KEPT_BYTES = 1024 * 1024
const TELLS_A_SECRET = /^\/api\/v1\/(sites|sites\/[^/]+\/credentials|api-keys)$/

interface Kept {
  request_hash: Buffer
  status: number | null
  content_type: string | null
  body: Buffer | null
}

export function idempotency({ sql, clock }: { sql: Sql; clock: Clock }): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const key = c.req.header('idempotency-key')
    if (key === undefined || c.req.method !== 'POST') return next()
    if (key.length === 0 || key.length > MAX_KEY_LENGTH)
      throw invalid([{ path: 'Idempotency-Key', message: `1 to ${MAX_KEY_LENGTH} characters` }])
    const tenantId = c.get('tenantId')
    const requestHash = createHash('sha256')
      .update(`${c.req.path}\n`)
      .update(new Uint8Array(await c.req.arrayBuffer()))
      .digest()
    const now = clock.now()
    const begun = await begin(sql, tenantId, key, requestHash, now)
    if (!begun.mine) {
      const kept = begun.kept
      if (!kept.request_hash.equals(requestHash))
        throw invalid([{ path: 'Idempotency-Key', message: 'was used for another request' }])
      if (kept.status === null) throw conflict('The request with this Idempotency-Key is being carried out')
      if (kept.body === null)
        throw conflict('The request with this Idempotency-Key was carried out; its answer is not kept')
      return new Response(new Uint8Array(kept.body), {
        status: kept.status,
        headers: { 'content-type': kept.content_type ?? 'application/json', 'idempotency-replayed': 'true' },
      })
    }
    let done = false
    try {
      await next()
      const response = c.res
      if (response.status < 500) {
        const body = Buffer.from(await response.clone().arrayBuffer())
        const keep = body.length <= MAX_KEPT_BYTES && !TELLS_A_SECRET.test(c.req.path)
        await sql`
          update gateway.idempotency set status = ${response.status}, content_type = ${response.headers.get('content-type')},
                 body = ${keep ? body : null} where tenant_id = ${tenantId} and key = ${key}`
        done = true
      }
    } finally {
      if (!done)
        await sql`delete from gateway.idempotency where tenant_id = ${tenantId} and key = ${key} and status is null`
    }
  }
}

/** Takes the key, or tells what is kept under it. */
async function begin(
  sql: Sql,
  tenantId: string,
  key: string,
  requestHash: Buffer,
  now: number,
): Promise<{ mine: true } | { mine: false; kept: Kept }> {
  const rows = await sql`
    with old as (
      delete from gateway.idempotency
       where begun_at < ${new Date(now - KEY_LIFE_MS)} and not (tenant_id = ${tenantId} and key = ${key}))
    insert into gateway.idempotency as i (tenant_id, key, request_hash, begun_at)
    values (${tenantId}, ${key}, ${requestHash}, ${new Date(now)})
    on conflict (tenant_id, key) do update
      set request_hash = excluded.request_hash, begun_at = excluded.begun_at, status = null, content_type = null, body = null
      where i.begun_at < ${new Date(now - KEY_LIFE_MS)} or (i.status is null and i.begun_at < ${new Date(now - BEGUN_LIFE_MS)})
    returning 1`
  if (rows.length > 0) return { mine: true }
  const [kept] = await sql<Kept[]>`
    select request_hash, status, content_type, body from gateway.idempotency where tenant_id = ${tenantId} and key = ${key}`
  return kept ? { mine: false, kept } : begin(sql, tenantId, key, requestHash, now)
}
