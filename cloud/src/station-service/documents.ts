/** Desired state that goes down to a site: its settings, and what it shall know of its stations. */
import { createHash } from 'node:crypto'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import type { TransactionSql } from 'postgres'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { isThere } from './queries.ts'

export interface PublishContext {
  eventLog: EventLog
  tenantId: string
  siteId: string
  at: Date
  trace: string | undefined
}

/**
 * Before anything of a site is changed: one publisher at a time, so that a later version never holds an earlier state. The site
 * comes before its stations, as in the projection, so that the two cannot wait for each other.
 */
export async function lockSite(tx: TransactionSql, siteId: string): Promise<void> {
  await tx`select 1 from station.site where site_id = ${siteId} for update`
}

/** The document `stations`, from the rows as this transaction sees them. The caller holds the site's lock. */
export async function publishStations(tx: TransactionSql, context: PublishContext): Promise<void> {
  const rows = await tx<WantedRow[]>`
    select station_id, coalesce(wanted_approved, approved) as approved, wanted_rejected, wanted_password_hash,
           wanted_next_password_hash, rotation_id, wanted_earlier_password_hashes, wanted_min_profile, wanted_profile_reset, wanted_certificate_cn,
           wanted_revoked_certificates,
           wanted_items_per_message, wanted_baseline, wanted_failsafe, wanted_settings, wanted_monitors, wanted_max_power_w, wanted_quirks, removal, not ${isThere(tx, tx`station.station`)} as removed
    from station.station
    where site_id = ${context.siteId} and tenant_id = ${context.tenantId}
      and (wanted_approved is not null or wanted_password_hash is not null or wanted_baseline is not null
           or wanted_max_power_w is not null or wanted_rejected or wanted_min_profile is not null
           or wanted_profile_reset is not null or wanted_certificate_cn is not null or wanted_revoked_certificates is not null
           or wanted_next_password_hash is not null or wanted_items_per_message is not null
           or wanted_failsafe is not null or wanted_settings is not null or wanted_monitors is not null or wanted_quirks is not null or removal is not null)
    order by station_id`
  const stations = rows.map(entryOf)
  await publish(tx, context, 'stations', { stations })
}

interface WantedRow {
  station_id: string
  approved: boolean
  wanted_rejected: boolean
  wanted_password_hash: string | null
  wanted_next_password_hash: string | null
  rotation_id: string | null
  wanted_earlier_password_hashes: string[] | null
  wanted_min_profile: number | null
  wanted_profile_reset: string | null
  wanted_certificate_cn: string | null
  wanted_revoked_certificates: string[] | null
  wanted_items_per_message: string | null
  wanted_baseline: boolean | null
  wanted_failsafe: boolean | null
  wanted_settings: string | null
  wanted_monitors: string | null
  wanted_max_power_w: number | null
  wanted_quirks: string | null
  removal: string | null
  removed: boolean
}

function entryOf(row: WantedRow): DocumentBody<'stations'>['stations'][number] {
  const stationId = row.station_id
  if (row.removed) return { stationId, approved: false, ...told('removal', row.removal), removed: true }
  const next =
    row.wanted_next_password_hash === null || row.rotation_id === null
      ? null
      : { id: row.rotation_id, passwordHash: row.wanted_next_password_hash }
  return {
    stationId,
    approved: row.approved && !row.wanted_rejected,
    ...(row.wanted_rejected ? { rejected: true } : {}),
    ...told('passwordHash', row.wanted_password_hash),
    ...told('next', next),
    ...told('earlier', row.wanted_earlier_password_hashes),
    ...told('minProfile', row.wanted_min_profile),
    ...told('profileReset', row.wanted_profile_reset),
    ...told('certificateCn', row.wanted_certificate_cn),
    ...told('revokedCertificates', row.wanted_revoked_certificates),
    ...told(
      'itemsPerMessage',
      row.wanted_items_per_message === null ? null : JSON.parse(row.wanted_items_per_message),
    ),
    ...told('baseline', row.wanted_baseline),
    ...told('failsafe', row.wanted_failsafe),
    ...told('settings', row.wanted_settings === null ? null : JSON.parse(row.wanted_settings)),
    ...told('monitors', row.wanted_monitors === null ? null : JSON.parse(row.wanted_monitors)),
    ...told('maxPowerW', row.wanted_max_power_w),
    ...told('quirks', row.wanted_quirks === null ? null : JSON.parse(row.wanted_quirks)),
    ...told('removal', row.removal),
  }
}

/** A field that somebody has said something of; null: nobody has. */
function told<K extends string, V>(name: K, value: V | null): { [P in K]?: V } {
  return (value === null ? {} : { [name]: value }) as { [P in K]?: V }
}

export async function publishSite(
  tx: TransactionSql,
  context: PublishContext,
  body: DocumentBody<'site'>,
): Promise<void> {
  await publish(tx, context, 'site', body)
}

/**
 * Next version of a document, in its table and in the outbox. A body that is what was published last is not sent again, except in
 * a new life of the log.
 */
async function publish<N extends 'site' | 'stations'>(
  tx: TransactionSql,
  context: PublishContext,
  name: N,
  body: DocumentBody<N>,
): Promise<void> {
  await publishText(tx, context, name, JSON.stringify(body))
}

export async function publishText(
  tx: TransactionSql,
  { eventLog, tenantId, siteId, at, trace }: PublishContext,
  name: string,
  text: string,
): Promise<void> {
  const { generation } = eventLog
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex')
  const rows = await tx<{ n: number }[]>`
    insert into station.document as d (site_id, name, tenant_id, n, sha256, published_at, generation, body)
    values (${siteId}, ${name}, ${tenantId}, 1, ${sha256}, ${at}, ${generation}, ${text})
    on conflict (site_id, name) do update set
      n = d.n + 1, sha256 = excluded.sha256, published_at = excluded.published_at, generation = excluded.generation,
      body = excluded.body
    where d.sha256 <> excluded.sha256 or d.generation is distinct from excluded.generation
    returning n`
  const version = rows[0]
  if (version === undefined) return
  await eventLog.publish(tx, {
    tenantId,
    siteId,
    kind: 'document.published',
    at: at.toISOString(),
    data: { name, version: { generation, n: version.n }, sha256, body: text },
    ...(trace === undefined ? {} : { trace }),
  })
}
