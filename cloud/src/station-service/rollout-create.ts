/** A new roll-out: which image or command, which stations, and why not. */
import { firmware as firmwareShape } from '@switchyard/protocol/api/firmware.ts'
import { MAX_ROLLOUT_STATIONS, type RolloutInput } from '@switchyard/protocol/api/rollouts.ts'
import { COMMANDS } from '@switchyard/protocol/command/commands.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { TransactionSql } from 'postgres'
import { conflict, invalid, ProblemError } from '../platform/http/problem.ts'
import type { Caller } from '../platform/http/service-client.ts'
import type { ServiceContext } from '../platform/service.ts'
import { checkCommand } from './command-check.ts'
import { isThere } from './queries.ts'
import type { RolloutRow } from './rollout-queries.ts'
import { argsOf } from './rollouts.ts'
import { passwordOf } from './rotation.ts'

/** Roll-outs of one tenant that are not over; another one is refused until one is. */
export const MAX_OPEN_ROLLOUTS = 100
/** Roll-outs of one tenant that are over: with another one the oldest goes. */
export const MAX_KEPT_ROLLOUTS = 500
/** Stations that a refusal names. */
const MAX_NAMED = 10

interface Image {
  firmwareId: string | null
  location: string | null
  /** Null: it is no firmware. */
  version: string | null
  vendor: string | undefined
  model: string | undefined
}
interface Chosen {
  station_id: string
  site_id: string
  ocpp: string | null
  vendor: string | null
  model: string | null
  firmware: string | null
  connection: 'controller' | 'direct' | null
}

/** Throws 422 for what is wrong with the input, 409 where a station is in another roll-out, or there are too many. */
export async function createRollout(
  context: ServiceContext,
  caller: Caller & { actor: string },
  input: RolloutInput,
): Promise<RolloutRow> {
  const { sql, clock, random } = context
  const { tenantId } = caller
  const image = await imageOf(context, caller, input)
  const said = argsIn(input)
  const row = {
    rollout_id: random.uuid(),
    tenant_id: tenantId,
    name: input.name ?? null,
    kind: input.kind,
    firmware_id: image.firmwareId,
    location: image.location,
    version: image.version,
    signature: input.signature ?? null,
    signing_certificate: input.signingCertificate ?? null,
    status: 'running',
    created_at: new Date(clock.now()),
    created_by: caller.actor,
    status_since: new Date(clock.now()),
  }
  return await sql.begin(async (tx) => {
    await makeRoom(tx, tenantId)
    const stations = await chosen(tx, tenantId, input, image)
    const args = argsOf({ ...row, args: said, policy: input.policy }, row.created_at)
    // Any that there can be: each station is given its own.
    const checked = input.kind === 'RotatePassword' ? { ...args, password: passwordOf({}, random) } : args
    for (const ocpp of new Set(stations.map((it) => it.ocpp)))
      await checkCommand(
        ocpp,
        { kind: input.kind, args: checked },
        input.kind === 'UpdateFirmware' ? 'args.' : '',
      )
    const [made] = await tx<RolloutRow[]>`
      insert into station.rollout ${tx({ ...row, args: said && (tx.json(said) as never), policy: tx.json(input.policy) as never })} returning *`
    const rows = stations.map((it) => {
      const isDone = image.version !== null && it.firmware === image.version
      return {
        rollout_id: row.rollout_id,
        station_id: it.station_id,
        tenant_id: tenantId,
        site_id: it.site_id,
        state: isDone ? 'skipped' : 'waiting',
        held_by: isDone ? null : 'canary',
        reason: isDone ? `it has ${image.version} already` : null,
        canary: false,
        finished_at: isDone ? row.created_at : null,
      }
    })
    await takeOver(tx, tenantId, stations, row.created_at)
    // In one order for all, so that two that want the same stations do not wait for each other.
    const { count } = await tx`
      insert into station.rollout_station
      select n.* from json_populate_recordset(null::station.rollout_station, ${JSON.stringify(rows)}::text::json) n
       order by n.station_id
      on conflict (tenant_id, station_id) where state in ('waiting', 'updating') do nothing`
    if (count < rows.length) throw await taken(tx, tenantId, row.rollout_id, stations)
    return made!
  })
}

/** As the command has them, with what is left out; null for firmware, whose arguments are the image. */
function argsIn({ kind, args }: RolloutInput): JsonObject | null {
  if (kind === 'UpdateFirmware') return null
  const read = COMMANDS[kind].args.safeParse(args ?? {})
  if (read.success) return read.data as JsonObject
  throw invalid(
    read.error.issues.map(({ path, message }) => ({ path: ['args', ...path].join('.'), message })),
  )
}

async function imageOf(
  { client }: Pick<ServiceContext, 'client'>,
  caller: Caller,
  { firmwareId, location, version, filter }: RolloutInput,
): Promise<Image> {
  if (firmwareId === undefined)
    return {
      firmwareId: null,
      location: location ?? null,
      version: version ?? null,
      vendor: filter?.vendor,
      model: filter?.model,
    }
  const wrong = (message: string) => invalid([{ path: 'firmwareId', message }])
  try {
    const image = await client('site-gateway').read(`/v1/firmware/${firmwareId}`, caller, firmwareShape)
    if (image.status !== 'ready') throw conflict(`Firmware ${firmwareId} has not come whole yet`)
    for (const field of ['vendor', 'model'] as const) {
      const asked = filter?.[field]
      if (asked !== undefined && image[field] !== null && asked !== image[field])
        throw invalid([{ path: `filter.${field}`, message: `the image is for ${image[field]}` }])
    }
    return {
      firmwareId,
      location: null,
      version: image.version,
      vendor: image.vendor,
      model: image.model ?? filter?.model,
    }
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404)
      throw wrong('there is no such firmware')
    throw error
  }
}

/** The oldest that are over go; so many that are not are too many. */
async function makeRoom(tx: TransactionSql, tenantId: string): Promise<void> {
  // One at a time for a tenant: nobody counts past another.
  await tx`select pg_advisory_xact_lock(hashtextextended(${`rollouts of ${tenantId}`}, 0))`
  const [open] = await tx<{ n: number }[]>`
    select count(*)::int as n from station.rollout
     where tenant_id = ${tenantId} and status in ('running', 'paused', 'halted')`
  if (open!.n >= MAX_OPEN_ROLLOUTS)
    throw conflict(`There are ${MAX_OPEN_ROLLOUTS} roll-outs that are not over: cancel one first`)
  await tx`
    delete from station.rollout where rollout_id in (
      select rollout_id from station.rollout
       where tenant_id = ${tenantId} and status in ('cancelled', 'completed') and not open
       order by created_at desc, rollout_id desc offset ${MAX_KEPT_ROLLOUTS - 1})`
}

/** A station that a cancelled roll-out had told, and still sees through, is not kept from another one. */
async function takeOver(
  tx: TransactionSql,
  tenantId: string,
  stations: readonly Chosen[],
  now: Date,
): Promise<void> {
  await tx`
    with over as materialized (
      select rollout_id from station.rollout
       where tenant_id = ${tenantId} and status = 'cancelled' and open order by rollout_id for update)
    update station.rollout_station r
       set state = 'cancelled', reason = 'another roll-out goes on with it', finished_at = ${now}
      from over
     where r.rollout_id = over.rollout_id and r.state = 'updating'
       and r.station_id = any(${stations.map((it) => it.station_id)})`
}

async function chosen(
  tx: TransactionSql,
  tenantId: string,
  { stations, filter }: RolloutInput,
  { firmwareId, vendor, model }: Image,
): Promise<Chosen[]> {
  const asked = stations && [...new Set(stations)]
  const rows = await tx<Chosen[]>`
    select t.station_id, t.site_id, t.ocpp, t.vendor, t.model, t.firmware, s.connection
      from station.station t left join station.site s on s.site_id = t.site_id
     where t.tenant_id = ${tenantId} and ${isThere(tx, tx`t`)}
       ${asked === undefined ? tx`` : tx`and t.station_id = any(${asked})`}
       ${filter?.siteId === undefined ? tx`` : tx`and t.site_id = ${filter.siteId}`}
       ${filter?.securityProfile === undefined ? tx`` : tx`and t.security_profile = ${filter.securityProfile}`}
       ${filter?.firmware === undefined ? tx`` : tx`and t.firmware = ${filter.firmware}`}
       ${filter === undefined || vendor === undefined ? tx`` : tx`and t.vendor = ${vendor}`}
       ${filter === undefined || model === undefined ? tx`` : tx`and t.model = ${model}`}
     order by t.station_id limit ${MAX_ROLLOUT_STATIONS + 1}`
  const path = asked ? 'stations' : 'filter'
  const refuse = (of: readonly Pick<Chosen, 'station_id'>[], why: string) => {
    if (of.length > 0) throw invalid([{ path, message: `${named(of)}: ${why}` }])
  }
  if (asked) {
    const known = new Set(rows.map((it) => it.station_id))
    const unknown = asked.filter((id) => !known.has(id)).map((id) => ({ station_id: id }))
    refuse(unknown, 'there is no such station')
    const isOther = (it: Chosen) =>
      (vendor !== undefined && it.vendor !== null && it.vendor !== vendor) ||
      (model !== undefined && it.model !== null && it.model !== model)
    refuse(rows.filter(isOther), `the image is for ${vendor}${model === undefined ? '' : ` ${model}`}`)
  }
  if (rows.length === 0) throw invalid([{ path, message: 'chooses no station' }])
  if (rows.length > MAX_ROLLOUT_STATIONS)
    throw invalid([{ path, message: `chooses more than ${MAX_ROLLOUT_STATIONS} stations` }])
  if (firmwareId !== null)
    refuse(
      rows.filter((it) => it.connection === 'direct'),
      'connects to the cloud directly, where no site serves an image: give a location',
    )
  return rows
}

async function taken(
  tx: TransactionSql,
  tenantId: string,
  rolloutId: string,
  stations: readonly Chosen[],
): Promise<ProblemError> {
  const others = await tx<{ station_id: string; rollout_id: string }[]>`
    select station_id, rollout_id from station.rollout_station
     where tenant_id = ${tenantId} and station_id = any(${stations.map((it) => it.station_id)})
       and state in ('waiting', 'updating') and rollout_id <> ${rolloutId} order by station_id`
  const where = [...new Set(others.map((it) => it.rollout_id))].slice(0, MAX_NAMED).join(', ')
  return conflict(`In another roll-out that is not over (${where}): ${named(others)}`)
}

function named(stations: readonly { station_id: string }[]): string {
  const ids = stations.slice(0, MAX_NAMED).map((it) => it.station_id)
  const more = stations.length - ids.length
  return more > 0 ? `${ids.join(', ')} and ${more} more` : ids.join(', ')
}
