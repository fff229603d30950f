/** `/v1/stations/{id}/commands` and `/calls`, `/v1/commands/{id}`: what stations are asked to do. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { callInput, commandInput, commandResource as shape } from '@switchyard/protocol/api/commands.ts'
import { isSecurityChange, SECURITY_CHANGES } from '@switchyard/protocol/command/commands.ts'
import { anyJson } from '@switchyard/protocol/json.ts'
import type { Context } from 'hono'
import { conflict, notFound, ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { checkCommand } from './command-check.ts'
import { awaitOutcome, commandResource, issueCommand } from './commands.ts'
import { findStation } from './found-station.ts'
import { hashPassword } from './password-hash.ts'
import { type CommandRow, changeUnderWay, findCommand, type StationView } from './queries.ts'
import { beginRotation, passwordOf } from './rotation.ts'
import { untilProjected } from './until-projected.ts'

/** A call's reply is awaited this much longer than the command lives. */
const CALL_GRACE_MS = 2_000
/** Below what the api-gateway waits for a service (55 s). */
const MAX_CALL_TTL_MS = 50_000
/** A station that is not known, or not to be connected, may just have connected: it is waited so long for that to be told. */
const CONNECT_WAIT_MS = 2_000

/** Most requests that wait so for stations that are not known at all; others are answered at once. */
const MAX_WAITING_FOR_UNKNOWN = 100

const params = z.object({ stationId: z.string() })

const command = createRoute({
  method: 'post',
  path: '/v1/stations/{stationId}/commands',
  summary: 'Asks a station to do something, in the same words for every OCPP version',
  description:
    'Answered with 202 once it is on its way: the outcome is read from /commands/{commandId}. With `wait=true` the outcome is awaited, for at most 50 s: then 200 with the command, its `status` and the reply of the station, whatever it is. A station that is away gets the command when it comes back, while `ttlMs` is not over. 422: the arguments are wrong, or the OCPP version of the station has nothing for this; nothing was sent.',
  request: {
    params,
    query: z.object({ wait: z.enum(['true', 'false']).optional() }),
    body: jsonBody(commandInput),
  },
  responses: {
    200: answers('The outcome, where it was awaited', shape),
    202: answers('Issued; the outcome is not there yet', z.object({ commandId: z.string() })),
    ...problems,
  },
})
const get = createRoute({
  method: 'get',
  path: '/v1/commands/{commandId}',
  summary: 'A command and its outcome',
  request: { params: z.object({ commandId: z.string() }) },
  responses: { 200: answers('The command', shape), ...problems },
})
const call = createRoute({
  method: 'post',
  path: '/v1/stations/{stationId}/calls',
  summary: 'Sends any OCPP action to a station and answers with the reply of the station',
  description:
    '409: the station or its site is not connected, or the site refuses it (load control); nothing was sent. 502: the station answered with an error (`code`). 504: no answer in time; `code` says whether anything can have happened.',
  request: {
    params,
    query: z.object({ ttlMs: z.coerce.number().int().min(1000).max(MAX_CALL_TTL_MS).optional() }),
    body: jsonBody(callInput),
  },
  responses: { 200: answers("The station's own reply", anyJson), ...problems },
})

export function commandRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, random, clock, eventLog } = context
  const caller = (c: Context<ServiceEnv>) => ({
    tenantId: c.get('tenantId'),
    actor: c.get('actor'),
    trace: c.get('trace'),
  })

  let waitingForUnknown = 0
  /** The station, once it is `as` is asked, or as it is then: one that nobody made may have been let in just now. 404: there is none. */
  async function known(
    tenantId: string,
    stationId: string,
    gone: AbortSignal,
    as: (it: StationView) => boolean,
  ): Promise<StationView> {
    let isWaiting = false
    const isSo = (seen: StationView | undefined): boolean => {
      if (seen !== undefined) return as(seen)
      if (isWaiting) return false
      if (waitingForUnknown >= MAX_WAITING_FOR_UNKNOWN) return true
      isWaiting = true
      waitingForUnknown++
      return false
    }
    try {
      const waiting = { waitMs: CONNECT_WAIT_MS, gone }
      const find = () => findStation(sql, tenantId, stationId)
      const station = await untilProjected(context, waiting, find, isSo)
      if (station === undefined) throw notFound(`There is no station ${stationId}`)
      return station
    } finally {
      if (isWaiting) waitingForUnknown--
    }
  }

  app.openapi(command, async (c) => {
    const { kind, args: said, ttlMs } = c.req.valid('json')
    const { stationId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const password = kind === 'RotatePassword' ? passwordOf(said, random) : undefined
    const args = password === undefined ? said : { ...said, password }
    const station = await known(tenantId, stationId, c.req.raw.signal, () => true)
    await checkCommand(station.ocpp, { kind, args })
    const underWay = isSecurityChange(kind)
      ? await changeUnderWay(sql, { tenantId, stationId }, SECURITY_CHANGES)
      : undefined
    if (underWay !== undefined)
      throw conflict(`Another change of the security of ${stationId} is under way: /commands/${underWay}`)
    const commandId = random.uuid()
    const hash = password && (await hashPassword(password, (n) => random.bytes(n)))
    const issued = await issueCommand(context, commandId, {
      ...caller(c),
      stationId,
      kind,
      args,
      ttlMs,
      ...(hash && {
        first: (tx, { siteId, at }) =>
          beginRotation(tx, { tenantId, stationId, siteId }, hash, commandId, {
            eventLog,
            at,
            trace: c.get('trace'),
          }),
      }),
    })
    if (c.req.valid('query').wait !== 'true') return c.json({ commandId }, 202)
    const deadlineMs = Math.min(issued.expiresAtMs + CALL_GRACE_MS, clock.now() + MAX_CALL_TTL_MS)
    const outcome = await awaitOutcome(context, { tenantId, ...issued }, deadlineMs, c.req.raw.signal)
    return outcome === undefined ? c.json({ commandId }, 202) : c.json(commandResource(outcome), 200)
  })

  app.openapi(get, async (c) => {
    const { commandId } = c.req.valid('param')
    const row = await findCommand(sql, c.get('tenantId'), commandId)
    if (row === undefined) throw notFound(`There is no command ${commandId}`)
    return c.json(commandResource(row), 200)
  })

  app.openapi(call, async (c) => {
    const { stationId } = c.req.valid('param')
    const tenantId = c.get('tenantId')
    const gone = c.req.raw.signal
    // What it said as it connected is on its way here: who has seen it connect may call it.
    const station = await known(tenantId, stationId, gone, (it) => it.connected || !it.site_online)
    const input = c.req.valid('json')
    await checkCommand(station.ocpp, { kind: 'ocpp.call', args: input }, 'args.')
    if (!station.site_online) throw conflict(`Site ${station.site_id} is not connected; nothing was sent`)
    if (!station.connected) throw conflict(`Station ${stationId} is not connected; nothing was sent`)
    const issued = await issueCommand(context, random.uuid(), {
      ...caller(c),
      stationId,
      kind: 'ocpp.call',
      args: input,
      ttlMs: c.req.valid('query').ttlMs,
    })
    const deadlineMs = issued.expiresAtMs + CALL_GRACE_MS
    const outcome = await awaitOutcome(context, { tenantId, ...issued }, deadlineMs, gone)
    return c.json(replyOf(outcome, stationId, issued.commandId), 200)
  })
}

/** Codes of a site that sent nothing: load control, or a call that it cannot make of a station whose version is known there only. */
const REFUSED_BY_SITE: ReadonlySet<string> = new Set([
  'LoadManagement',
  'InvalidArguments',
  'NotInVersion',
  'NotSent',
  'TooManyWaiting',
])

function replyOf(outcome: CommandRow | undefined, stationId: string, commandId: string) {
  const seeCommand = `its outcome may still come: /commands/${commandId}`
  if (outcome === undefined) throw new ProblemError(504, `No answer from ${stationId} in time; ${seeCommand}`)
  const { status, reply, error } = outcome
  // A reply that was left out: it is not the empty one.
  const isWhole = reply !== null || error === null
  if ((status === 'accepted' && isWhole) || (status === 'rejected' && reply !== null)) {
    return (reply ?? {}) as z.infer<typeof anyJson>
  }
  const code = error?.code ?? status
  const description = error?.description ?? ''
  if (code === 'StationOffline')
    throw new ProblemError(409, `Station ${stationId} is not connected`, { code })
  // The site's own word: the station was not asked.
  if (REFUSED_BY_SITE.has(code))
    throw new ProblemError(409, `The site refuses this: ${description}; nothing was sent`, { code })
  if (status === 'unknown') {
    const why = description === '' ? code : `${code}: ${description}`
    const detail = `It is not known whether ${stationId} did this (${why}). Look before trying again; ${seeCommand}`
    throw new ProblemError(504, detail, { code })
  }
  if (status === 'expired')
    throw new ProblemError(
      504,
      `The time for this was over before ${stationId} could be asked; nothing happened`,
      { code },
    )
  throw new ProblemError(
    502,
    `${stationId} answered ${code}${description === '' ? '' : `: ${description}`}`,
    { code },
  )
}
