/** Tables of monitoring: sites' presence, and alerts. */

import type { Alert } from '@switchyard/protocol/api/shapes.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { LogEntry } from '../platform/event-log/entry.ts'
import { runbookOf } from './runbooks.ts'

export interface AlertRow {
  alert_id: string
  tenant_id: string
  rule: string
  severity: Alert['severity']
  site_id: string | null
  station_id: string | null
  text: string
  raised_at: Date
  cleared_at: Date | null
}

export type NewAlert = Omit<AlertRow, 'cleared_at'>

/** False when the alert was raised before and not cleared since: ids come from what an alert is about, so a repetition is harmless. */
export async function raise(tx: TransactionSql, alert: NewAlert): Promise<boolean> {
  const rows = await tx`
    insert into monitoring.alert as a (alert_id, tenant_id, rule, severity, site_id, station_id, text, raised_at)
    values (${alert.alert_id}, ${alert.tenant_id}, ${alert.rule}, ${alert.severity}, ${alert.site_id}, ${alert.station_id},
            ${alert.text}, ${alert.raised_at})
    on conflict (alert_id) do update set
      severity = excluded.severity, text = excluded.text, raised_at = excluded.raised_at, cleared_at = null
    where a.tenant_id = excluded.tenant_id and a.cleared_at < excluded.raised_at
    returning 1`
  return rows.length > 0
}

/** An open alert says something else now; false when it does not, or is not open. */
export async function retell(tx: TransactionSql, alert: NewAlert): Promise<boolean> {
  const rows = await tx`
    update monitoring.alert set text = ${alert.text}, severity = ${alert.severity}
     where tenant_id = ${alert.tenant_id} and alert_id = ${alert.alert_id} and cleared_at is null
       and text <> ${alert.text} returning 1`
  return rows.length > 0
}

/** False when it was not open. */
export async function clear(
  tx: TransactionSql,
  tenantId: string,
  alertId: string,
  at: Date,
): Promise<boolean> {
  const rows = await tx`
    update monitoring.alert set cleared_at = ${at}
     where tenant_id = ${tenantId} and alert_id = ${alertId} and cleared_at is null returning 1`
  return rows.length > 0
}

/** Clears the open alerts of a rule at a site; gives their ids. */
export async function clearRule(
  tx: TransactionSql,
  tenantId: string,
  rule: string,
  siteId: string,
  at: Date,
): Promise<string[]> {
  const rows = await tx<{ alert_id: string }[]>`
    update monitoring.alert set cleared_at = ${at}
     where tenant_id = ${tenantId} and rule = ${rule} and site_id = ${siteId} and cleared_at is null returning alert_id`
  return rows.map((row) => row.alert_id)
}

/** Open alerts of one rule about the station of a log entry. */
export async function clearRuleOfStation(
  tx: TransactionSql,
  { tenantId, siteId, stationId, receivedAt }: LogEntry,
  rule: string,
): Promise<string[]> {
  const rows = await tx<{ alert_id: string }[]>`
    update monitoring.alert set cleared_at = ${receivedAt}
     where tenant_id = ${tenantId} and rule = ${rule} and site_id = ${siteId} and station_id = ${stationId}
       and cleared_at is null returning alert_id`
  return rows.map((row) => row.alert_id)
}

export async function listAlerts(
  sql: Sql,
  filter: {
    tenantId: string
    open: boolean | undefined
    siteId: string | undefined
    after: string[] | undefined
  },
  limit: number,
): Promise<AlertRow[]> {
  const { tenantId, open, siteId, after } = filter
  return sql<AlertRow[]>`
    select * from monitoring.alert
     where tenant_id = ${tenantId}
       ${open === undefined ? sql`` : open ? sql`and cleared_at is null` : sql`and cleared_at is not null`}
       ${siteId === undefined ? sql`` : sql`and site_id = ${siteId}`}
       ${after ? sql`and (raised_at, alert_id) < (${after[0]!}::timestamptz, ${after[1]!})` : sql``}
     order by raised_at desc, alert_id desc limit ${limit}`
}

export function alertResource(row: AlertRow): Alert {
  return {
    alertId: row.alert_id,
    rule: row.rule,
    severity: row.severity,
    siteId: row.site_id,
    stationId: row.station_id,
    text: row.text,
    runbook: runbookOf(row.rule),
    raisedAt: row.raised_at.toISOString(),
    clearedAt: row.cleared_at?.toISOString() ?? null,
  }
}

export interface SiteRow {
  site_id: string
  tenant_id: string
  online: boolean
  since: Date
  last_heard_at: Date | null
}

export async function findSite(sql: Sql, tenantId: string, siteId: string): Promise<SiteRow | undefined> {
  const [row] = await sql<
    SiteRow[]
  >`select * from monitoring.site where tenant_id = ${tenantId} and site_id = ${siteId}`
  return row
}

/** Sites that have not been heard from since `before` and have no open alert for it. */
export async function offlineSince(
  tx: TransactionSql,
  rule: string,
  before: Date,
  limit: number,
): Promise<SiteRow[]> {
  return tx<SiteRow[]>`
    select s.* from monitoring.site s
     where not s.online and s.since <= ${before}
       and not exists (select from monitoring.alert a
                        where a.tenant_id = s.tenant_id and a.rule = ${rule} and a.site_id = s.site_id and a.cleared_at is null)
     order by s.since limit ${limit} for update of s skip locked`
}
