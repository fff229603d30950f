/** Reads and writes of sites, stations and commands; every query is scoped by the tenant. */
import type { CommandProgress, CommandResource } from '@switchyard/protocol/api/commands.ts'
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { JSONValue, PendingQuery, Row, Sql, TransactionSql } from 'postgres'
import { requestIdIn } from './project-progress.ts'
import type { StationRow } from './station-row.ts'

export type AnySql = Sql | TransactionSql

export interface SiteRow {
  site_id: string
  name: string
  time_zone: string
  created_at: Date
  online: boolean
  last_heard_at: Date | null
  journal_id: string | null
  ledger_seq: number
  telemetry_seq: number
  unidentified_energy: 'review' | 'bill'
  connection: Site['connection']
  wanted_baseline: boolean | null
  wanted_failsafe: boolean | null
  wanted_running_cost: boolean | null
  /** JSON. */
  wanted_authorization: string | null
  stations: number
}

/** In the order of their ids, after `afterId`. */
export async function listSites(
  sql: AnySql,
  tenantId: string,
  afterId: string | undefined,
  limit: number,
): Promise<SiteRow[]> {
  return await sql<SiteRow[]>`
    select s.*, (select count(*)::int from station.station t where t.site_id = s.site_id and ${isThere(sql, sql`t`)}) as stations
    from station.site s
    where s.tenant_id = ${tenantId} and s.site_id > ${afterId ?? ''}
    order by s.site_id limit ${limit}`
}

export async function findSite(sql: AnySql, tenantId: string, siteId: string): Promise<SiteRow | undefined> {
  const rows = await sql<SiteRow[]>`
    select s.*, (select count(*)::int from station.station t where t.site_id = s.site_id and ${isThere(sql, sql`t`)}) as stations
    from station.site s where s.tenant_id = ${tenantId} and s.site_id = ${siteId}`
  return rows[0]
}

/** False when the id is taken, be it by another tenant: it is the site's user name at the broker. */
export async function insertSite(
  tx: TransactionSql,
  site: {
    tenantId: string
    siteId: string
    name: string
    timeZone: string
    connection: Site['connection']
    createdAt: Date
  },
): Promise<boolean> {
  const rows = await tx`
    insert into station.site (site_id, tenant_id, name, time_zone, connection, created_at)
    values (${site.siteId}, ${site.tenantId}, ${site.name}, ${site.timeZone},
            ${site.connection}, ${site.createdAt})
    on conflict (site_id) do nothing returning 1`
  return rows.length > 0
}

/** As persons want it: approved or not by their word, before the station's own. */
export interface StationView
  extends Pick<
    StationRow,
    | 'station_id'
    | 'site_id'
    | 'ocpp'
    | 'vendor'
    | 'model'
    | 'serial'
    | 'firmware'
    | 'approved'
    | 'connected'
    | 'connected_since'
    | 'booted_at'
    | 'security_profile'
    | 'certificate_serial'
    | 'certificate_not_after'
    | 'local_list'
    | 'ledger_seq'
  > {
  rejected: boolean
  min_security_profile: number | null
  password_set: boolean
  password_rotating: boolean
  certificate_cn: string | null
  revoked_certificates: string[] | null
  items_per_message: string | null
  wanted_quirks: string | null
  /** Of its model. */
  model_quirks: string | null
  site_online: boolean
  site_last_heard_at: Date | null
  time_zone: string
}

/** The station was not removed, or was registered again since, by the API or by its site. */
export function isThere(sql: AnySql, station: PendingQuery<Row[]>): PendingQuery<Row[]> {
  return sql`(${station}.removal is null or ${station}.removal is not distinct from ${station}.wanted_after_removal
              or ${station}.removal is not distinct from ${station}.registered_after)`
}

/** In the order of their ids. */
export async function listStations(
  sql: AnySql,
  filter: {
    tenantId: string
    siteId?: string | undefined
    stationId?: string | undefined
    afterId?: string | undefined
  },
  limit: number,
): Promise<StationView[]> {
  return await sql<StationView[]>`
    select t.station_id, t.site_id, t.ocpp, t.vendor, t.model, t.serial, t.firmware,
           (coalesce(t.wanted_approved, t.approved) and not t.wanted_rejected) as approved,
           t.wanted_rejected as rejected, t.connected, t.connected_since, t.booted_at,
           t.security_profile, t.wanted_min_profile as min_security_profile,
           (t.wanted_password_hash is not null or t.wanted_next_password_hash is not null) as password_set,
           (t.wanted_next_password_hash is not null and t.proved_rotation is distinct from t.rotation_id
             and t.given_up_rotation is distinct from t.rotation_id) as password_rotating,
           t.wanted_certificate_cn as certificate_cn, t.certificate_serial, t.certificate_not_after, t.local_list,
           t.wanted_revoked_certificates as revoked_certificates, t.wanted_items_per_message as items_per_message, t.wanted_quirks, m.quirks as model_quirks, t.ledger_seq, coalesce(s.online, false) as site_online, s.last_heard_at as site_last_heard_at,
           coalesce(s.time_zone, 'UTC') as time_zone
    from station.station t left join station.site s on s.site_id = t.site_id
      left join station.model_settings m on m.tenant_id = t.tenant_id and m.vendor = t.vendor and m.model = t.model
    where t.tenant_id = ${filter.tenantId} and ${isThere(sql, sql`t`)}
      ${filter.stationId === undefined ? sql`` : sql`and t.station_id = ${filter.stationId}`}
      ${filter.siteId === undefined ? sql`` : sql`and t.site_id = ${filter.siteId}`}
      ${filter.afterId === undefined ? sql`` : sql`and t.station_id > ${filter.afterId}`}
    order by t.station_id limit ${limit}`
}

export interface ConnectorRow {
  station_id: string
  evse_id: number
  connector_id: number
  status: string
  detail: string | null
  error_code: string | null
  since: Date
}

export async function connectorsOf(
  sql: AnySql,
  tenantId: string,
  stationIds: readonly string[],
): Promise<ConnectorRow[]> {
  return await sql<ConnectorRow[]>`
    select station_id, evse_id, connector_id, status, detail, error_code, since from station.connector
    where tenant_id = ${tenantId} and station_id = any(${stationIds as string[]})
    order by station_id, evse_id, connector_id`
}

export interface CommandRow {
  command_id: string
  site_id: string
  station_id: string
  kind: string
  args: JSONValue
  issued_at: Date
  expires_at: Date
  status: CommandResource['status']
  reply: JSONValue | null
  error: { code: string; description: string } | null
  finished_at: Date | null
  progress: CommandProgress | null
}

export async function insertCommand(
  tx: TransactionSql,
  { command, tenantId, siteId, actor }: { command: Command; tenantId: string; siteId: string; actor: string },
): Promise<void> {
  await tx`
    insert into station.command
      (command_id, tenant_id, site_id, station_id, kind, args, request_id, issued_at, expires_at, issued_by)
    values (${command.id}, ${tenantId}, ${siteId}, ${command.stationId}, ${command.kind},
            ${tx.json(command.args as JSONValue)}, ${requestIdIn(command.args)}, ${command.issuedAt}, ${command.expiresAt}, ${actor})`
}

export async function findCommand(
  sql: AnySql,
  tenantId: string,
  commandId: string,
): Promise<CommandRow | undefined> {
  const rows = await sql<CommandRow[]>`
    select command_id, site_id, station_id, kind, args, issued_at, expires_at, status, reply, error, finished_at,
           progress
    from station.command where tenant_id = ${tenantId} and command_id = ${commandId}`
  return rows[0]
}

/** The change of a station's security that is under way. */
export async function changeUnderWay(
  sql: AnySql,
  { tenantId, stationId }: { tenantId: string; stationId: string },
  kinds: readonly string[],
): Promise<string | undefined> {
  const rows = await sql<{ command_id: string }[]>`
    select command_id from station.command
    where status = 'pending' and tenant_id = ${tenantId} and station_id = ${stationId} and kind = any(${kinds as string[]})
    limit 1`
  return rows[0]?.command_id
}

/**
 * Ends commands of which nothing was heard until `deadline`. `expired` only where the site was away for the whole life of
 * the command, so that nothing can have reached it; else `unknown`. A late outcome still replaces either.
 */
export async function expireCommands(sql: Sql, deadline: Date, now: Date): Promise<string[]> {
  const rows = await sql<{ command_id: string }[]>`
    update station.command c set
      status = case when exists (
          select 1 from station.site s
          where s.site_id = c.site_id and not s.online and coalesce(s.presence_since, '-infinity') <= c.issued_at)
        then 'expired' else 'unknown' end,
      finished_at = ${now}
    where c.status = 'pending' and c.expires_at < ${deadline}
    returning command_id`
  return rows.map((r) => r.command_id)
}

/** What the site says of its documents, beside the newest of each. */
export async function documentsOf(
  sql: Sql,
  tenantId: string,
  siteId: string,
): Promise<
  {
    name: string
    published_n: number | null
    applied_n: number | null
    rejected_n: number | null
    rejected_reason: string | null
  }[]
> {
  return await sql`
    select name, d.n as published_n, a.applied_n, a.rejected_n, a.rejected_reason
    from (select name, n from station.document where site_id = ${siteId} and tenant_id = ${tenantId}) d
    full join (select * from station.document_at_site where site_id = ${siteId} and tenant_id = ${tenantId}) a using (name)
    order by name`
}
