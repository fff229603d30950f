/** The tables of roll-outs; every query is scoped by the tenant or by the roll-out. */
import {
  ROLLOUT_STATION_STATES,
  type Rollout,
  type RolloutHold,
  type RolloutKind,
  type RolloutPolicy,
  type RolloutStation,
  type RolloutStationState,
  type RolloutStatus,
} from '@switchyard/protocol/api/rollouts.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Sql, TransactionSql } from 'postgres'
import { isThere } from './queries.ts'
import type { StationNow } from './rollout-decide.ts'

type AnySql = Sql | TransactionSql

export interface RolloutRow {
  rollout_id: string
  tenant_id: string
  name: string | null
  kind: RolloutKind
  args: JsonObject | null
  firmware_id: string | null
  location: string | null
  version: string | null
  signature: string | null
  signing_certificate: string | null
  policy: RolloutPolicy
  status: RolloutStatus
  reason: string | null
  created_at: Date
  created_by: string
  status_since: Date
  wave: number
  halts: number
  forgiven: number
  open: boolean
}

/** As its table has it. */
export interface RolloutStationRow {
  rollout_id: string
  station_id: string
  tenant_id: string
  site_id: string
  state: RolloutStationState
  held_by: RolloutHold | null
  reason: string | null
  canary: boolean
  wave: number | null
  command_id: string | null
  told_at: Date | null
  deadline_at: Date | null
  again_at: Date | null
  finished_at: Date | null
}

/** With what is known of the station itself. */
export interface RolloutStationView extends RolloutStationRow {
  is_there: boolean
  is_connected: boolean
  is_charging: boolean
  firmware: string | null
  booted_at: Date | null
  command: StationNow['command'] | null
}

/** Locked until the transaction ends; undefined when there is none. */
export async function lockRollout(
  tx: TransactionSql,
  tenantId: string,
  rolloutId: string,
): Promise<RolloutRow | undefined> {
  const [row] = await tx<RolloutRow[]>`
    select * from station.rollout where tenant_id = ${tenantId} and rollout_id = ${rolloutId} for update`
  return row
}

/** By station id, after `afterId`. */
export async function stationsOfRollout(
  sql: AnySql,
  {
    rolloutId,
    state,
    afterId = '',
    limit,
  }: {
    rolloutId: string
    state?: RolloutStationState | undefined
    afterId?: string | undefined
    limit: number
  },
): Promise<RolloutStationView[]> {
  return await sql<RolloutStationView[]>`
    select r.*, coalesce(t.site_id, r.site_id) as site_id, t.firmware, t.booted_at,
           t.station_id is not null as is_there,
           coalesce(t.connected and s.online and coalesce(t.wanted_approved, t.approved) and not t.wanted_rejected, false)
             as is_connected,
           exists (select 1 from station.session x where x.tenant_id = r.tenant_id and x.station_id = r.station_id
                     and x.revision = 0 and x.current) as is_charging,
           case when c.command_id is not null
             then jsonb_build_object('status', c.status, 'reply', c.reply, 'error', c.error, 'progress', c.progress) end as command
      from station.rollout_station r
      left join station.station t
        on t.tenant_id = r.tenant_id and t.station_id = r.station_id and ${isThere(sql, sql`t`)}
      left join station.site s on s.site_id = t.site_id
      left join station.command c on c.command_id = r.command_id
     where r.rollout_id = ${rolloutId} and r.station_id > ${afterId}
       ${state === undefined ? sql`` : sql`and r.state = ${state}`}
     order by r.station_id limit ${limit}`
}

/** Writes rows that are there already. */
export async function writeStations(tx: TransactionSql, rows: readonly RolloutStationRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx`
    update station.rollout_station r set
      site_id = n.site_id, state = n.state, held_by = n.held_by, reason = n.reason, canary = n.canary, wave = n.wave,
      command_id = n.command_id, told_at = n.told_at, deadline_at = n.deadline_at, again_at = n.again_at,
      finished_at = n.finished_at
    from json_populate_recordset(null::station.rollout_station, ${JSON.stringify(rows)}::text::json) n
    where r.rollout_id = n.rollout_id and r.station_id = n.station_id`
}

/** With how many stations are in which state. */
export async function rolloutResources(sql: AnySql, rows: readonly RolloutRow[]): Promise<Rollout[]> {
  const counts = await sql<{ rollout_id: string; state: RolloutStationState; n: number }[]>`
    select rollout_id, state, count(*)::int as n from station.rollout_station
     where rollout_id = any(${rows.map((it) => it.rollout_id)}) group by 1, 2`
  return rows.map((row) => {
    const own = counts.filter((it) => it.rollout_id === row.rollout_id)
    const count = (state: RolloutStationState) => own.find((it) => it.state === state)?.n ?? 0
    return {
      rolloutId: row.rollout_id,
      name: row.name,
      kind: row.kind,
      args: row.args,
      firmwareId: row.firmware_id,
      location: row.location,
      version: row.version,
      policy: row.policy,
      status: row.status,
      reason: row.reason,
      createdAt: row.created_at.toISOString(),
      statusSince: row.status_since.toISOString(),
      wave: row.wave,
      stations: Object.fromEntries(
        ROLLOUT_STATION_STATES.map((state) => [state, count(state)]),
      ) as Rollout['stations'],
    }
  })
}

export function stationResource(row: RolloutStationView): RolloutStation {
  return {
    stationId: row.station_id,
    siteId: row.site_id,
    state: row.state,
    heldBy: row.held_by,
    reason: row.reason,
    canary: row.canary,
    wave: row.wave,
    commandId: row.command_id,
    progress: row.command?.progress?.status ?? null,
    firmware: row.firmware,
    toldAt: row.told_at?.toISOString() ?? null,
    deadline: row.state === 'updating' ? (row.deadline_at?.toISOString() ?? null) : null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  }
}
