/** `/v1/stations/{id}/messages`: a station's newest OCPP messages, fetched from its site when asked for. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { messagesFilter, stationMessage } from '@switchyard/protocol/api/messages.ts'
import { page } from '@switchyard/protocol/api/shapes.ts'
import type { TranscriptHeader } from '@switchyard/protocol/ocpp/transcript.ts'
import { OCPP_VERSIONS } from '@switchyard/protocol/ocpp/version.ts'
import {
  type LoggedMessage,
  MESSAGES_KIND,
  MESSAGES_PAGE_MAX,
  type MessagesPage,
  type MessagesQuery,
  messagesPage,
} from '@switchyard/protocol/site/messages.ts'
import type { Context } from 'hono'
import { decodeCursor, encodeCursor } from '../platform/http/cursor.ts'
import { conflict, notFound, ProblemError } from '../platform/http/problem.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { awaitOutcome, issueCommand } from './commands.ts'
import { foundStation } from './found-station.ts'
import type { CommandRow, StationView } from './queries.ts'
import { quirksTouching } from './views.ts'

/** Questions to the site for one request: its answers are small (24 KiB), and each stands in its ledger. */
const MAX_QUESTIONS = 10
/** Below what the api-gateway waits for a service (55 s). */
const MAX_WAIT_MS = 45_000

const route = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/messages',
  summary: 'The newest OCPP messages of a station, fetched from its site',
  description:
    'Newest first. The site keeps at most 2000 messages and 512 KiB of a station, in memory: a controller that restarts begins anew. `action`: calls of that action and their answers; `sessionId`: those that name its transaction. Passwords and private keys are `[redacted]`, what is longer than 16000 characters is left out. A page may have fewer than `limit`: go on with `next`. `format=transcript`: the same page in the order of time as JSONL, the format of recorded transcripts; what is older is fetched with `to`. 409: the site is not connected. 404: the site knows no such station or session (any more). 504: no answer in time.',
  request: { params: z.object({ stationId: z.string() }), query: messagesFilter },
  responses: {
    200: {
      ...answers('Messages', page(stationMessage)),
      content: {
        ...answers('Messages', page(stationMessage)).content,
        'application/jsonl': { schema: z.string() },
      },
    },
    ...problems,
  },
})

/** What a replay has to know of the station: what operators said of it, and the zone where its times are local. */
function saidOf(station: StationView): Pick<TranscriptHeader, 'quirks' | 'site'> {
  const found = quirksTouching(station)
  const said = found.filter(({ source }) => source !== 'known').map(({ name }) => name)
  const isLocal = found.some(({ name }) => name === 'local-times')
  return {
    ...(said.length === 0 ? {} : { quirks: said }),
    ...(isLocal ? { site: { timeZone: station.time_zone } } : {}),
  }
}

export function messageRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, random, clock } = context

  app.openapi(route, async (c) => {
    const { stationId } = c.req.valid('param')
    const { limit, cursor, action, sessionId, from, to, format } = c.req.valid('query')
    const station = await foundStation(sql, c.get('tenantId'), stationId)
    if (!station.site_online)
      throw conflict(`Site ${station.site_id} is not connected; its messages are kept there`)
    const deadlineMs = clock.now() + MAX_WAIT_MS
    const given = decodeCursor(cursor, 'count')?.[0]
    const items: LoggedMessage[] = []
    let before = given === undefined ? undefined : Number(given)
    let more = true
    for (let asked = 0; more && asked < MAX_QUESTIONS && items.length < limit; asked++) {
      const { items: found, older } = await ask(c, stationId, deadlineMs, {
        ...(action === undefined ? {} : { action }),
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
        ...(to === undefined ? {} : { toMs: Date.parse(to) }),
        ...(before === undefined ? {} : { before }),
        limit: Math.min(MESSAGES_PAGE_MAX, limit - items.length),
      })
      items.push(...found)
      more = older !== null
      before = older ?? before
    }
    const next = more && before !== undefined ? encodeCursor(String(before)) : null
    if (format === 'transcript') {
      const version = OCPP_VERSIONS.find((it) => it === station.ocpp)
      const header = version && { transcript: 1, version, station: stationId, ...saidOf(station) }
      const lines = items.toReversed().map(({ at, dir, frame, text }) => ({ at, dir, frame, text }))
      const rows = [...(header ? [header] : []), ...lines]
      const body = rows.map((it) => `${JSON.stringify(it)}\n`).join('')
      return c.body(body, 200, { 'content-type': 'application/jsonl' }) as never
    }
    return c.json({ items: items.map(({ seq: _, ...shown }) => shown), next }, 200)
  })

  async function ask(
    c: Context<ServiceEnv>,
    stationId: string,
    deadlineMs: number,
    args: MessagesQuery,
  ): Promise<MessagesPage> {
    const tenantId = c.get('tenantId')
    const issued = await issueCommand(context, random.uuid(), {
      tenantId,
      actor: c.get('actor'),
      trace: c.get('trace'),
      stationId,
      kind: MESSAGES_KIND,
      args,
      ttlMs: undefined,
    })
    const until = Math.min(deadlineMs, issued.expiresAtMs)
    return pageIn(await awaitOutcome(context, { tenantId, ...issued }, until, c.req.raw.signal), stationId)
  }
}

/** Throws a problem where the site gave no answer, or none that can be read. */
function pageIn(outcome: CommandRow | undefined, stationId: string): MessagesPage {
  if (outcome === undefined || outcome.status === 'expired' || outcome.status === 'unknown')
    throw new ProblemError(504, `The site did not tell the messages of ${stationId} in time; ask again`)
  const { code = outcome.status, description = '' } = outcome.error ?? {}
  if (code === 'UnknownSession' || code === 'UnknownStation') throw notFound(description)
  if (code === 'UnknownKind')
    throw conflict('The site controller is older than this question; update it to see messages')
  const read = messagesPage.safeParse(outcome.reply)
  if (!read.success)
    throw new ProblemError(502, `The site gave no messages of ${stationId}: ${description}`, { code })
  return read.data
}
