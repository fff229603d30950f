/** `/v1/poison`: facts that are kept and could not be read, and how they are taken after a fix or an upgrade. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  page,
  pageQuery,
  poisonRow,
  poisonReplay as replayed,
  poisonReplayInput as replayInput,
} from '@switchyard/protocol/api/shapes.ts'
import { LOG_PARTITIONS } from '../platform/event-log/entry.ts'
import { listPoison, type PoisonRow, releasePoison } from '../platform/event-log/poison.ts'
import { poisonCleared } from '../platform/event-log/poison-alert.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'

/** Most characters of a row's text in a list: enough to see what it is. */
const MAX_TEXT_CHARS = 4_096

const list = createRoute({
  method: 'get',
  path: '/v1/poison',
  summary: 'Facts that are kept and could not be read, in the order of the log',
  request: { query: pageQuery.extend({ siteId: z.string().optional() }) },
  responses: { 200: answers('Facts set aside', page(poisonRow)), ...problems },
})
const replay = createRoute({
  method: 'post',
  path: '/v1/poison/replay',
  summary: 'Reads them again with the version that runs now; what it can read is taken',
  request: { body: jsonBody(replayInput) },
  responses: { 200: answers('How many were let go, and how many are left', replayed), ...problems },
})

export function poisonRoutes(app: OpenAPIHono<ServiceEnv>, { sql, eventLog, clock }: ServiceContext): void {
  app.openapi(list, async (c) => {
    const { limit, cursor, siteId } = c.req.valid('query')
    const [partition = '-1', position = '0'] = decodeCursor(cursor, 'count', 'count') ?? []
    const after = { partition: Math.min(Number(partition), LOG_PARTITIONS), position: Number(position) }
    const rows = await listPoison(sql, c.get('tenantId'), siteId, after, limit + 1)
    return c.json(
      pageOf(rows, limit, resource, (row) => [String(row.partition), String(row.position)]),
      200,
    )
  })

  app.openapi(replay, async (c) => {
    const tenantId = c.get('tenantId')
    const { siteId } = c.req.valid('json')
    const { released, left } = await releasePoison(sql, tenantId, siteId, (tx, site) =>
      eventLog.publish(tx, poisonCleared({ tenantId, siteId: site }, clock.now())),
    )
    eventLog.wake()
    return c.json({ released, left }, 200)
  })
}

function resource(row: PoisonRow) {
  const text = row.body.toString('utf8')
  return {
    siteId: row.site_id,
    journalId: row.journal_id,
    stream: row.stream,
    seq: row.seq,
    reason: row.reason,
    setAsideAt: row.set_aside_at.toISOString(),
    text: text.slice(0, MAX_TEXT_CHARS),
    textComplete: text.length <= MAX_TEXT_CHARS,
  }
}
