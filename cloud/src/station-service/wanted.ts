/** What an operator wants of a station, in its row; every query is scoped by the tenant, and its caller holds the site's lock. */
import type { TransactionSql } from 'postgres'
import { forgetSettings } from './project-settings.ts'
import { isThere } from './queries.ts'

export interface WantedStation {
  tenantId: string
  stationId: string
  siteId: string
}

/** Columns that hold what is wanted. An undefined field stays as it is, null means that nothing is wanted. */
export interface StationWish {
  wanted_approved?: boolean | null
  wanted_rejected?: boolean
  wanted_password_hash?: string | null
  wanted_next_password_hash?: string | null
  rotation_id?: string | null
  wanted_earlier_password_hashes?: string[] | null
  wanted_min_profile?: number | null
  wanted_profile_reset?: string
  wanted_certificate_cn?: string | null
  wanted_revoked_certificates?: string[] | null
  /** JSON text: items by action. */
  wanted_items_per_message?: string | null
  wanted_baseline?: boolean | null
  wanted_failsafe?: boolean | null
  /** JSON text of a list; no part of what PUT of the station replaces. */
  wanted_settings?: string | null
  /** JSON text of a list; like the settings. */
  wanted_monitors?: string | null
  wanted_max_power_w?: number | null
  /** JSON text: quirk -> whether it has it. */
  wanted_quirks?: string | null
}

const NOTHING_WANTED = {
  wanted_approved: null,
  wanted_rejected: false,
  wanted_min_profile: null,
  wanted_certificate_cn: null,
  wanted_revoked_certificates: null,
  wanted_items_per_message: null,
  wanted_baseline: null,
  wanted_failsafe: null,
  wanted_max_power_w: null,
  wanted_quirks: null,
} as const satisfies StationWish

/** All that PUT replaces; the password stays, as it cannot be read to be sent again. */
export const CLEARED: StationWish = NOTHING_WANTED

/** Makes the station's row when it has never been heard of; one that was removed is there again. */
export async function wishOfStation(
  tx: TransactionSql,
  { tenantId, stationId, siteId }: WantedStation,
  wish: StationWish,
  at: Date,
): Promise<void> {
  await tx`
    insert into station.station (tenant_id, station_id, site_id, created_at)
    values (${tenantId}, ${stationId}, ${siteId}, ${at})
    on conflict (tenant_id, station_id) do update set
      wanted_after_removal = station.station.removal,
      -- One that was removed may come back at another site.
      site_id = case when ${isThere(tx, tx`station.station`)} then station.station.site_id else excluded.site_id end`
  const said = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
  if (Object.keys(said).length === 0) return
  await tx`
    update station.station set ${tx(said)}
    where tenant_id = ${tenantId} and station_id = ${stationId}`
}

/** The station is gone for the API, and its site forgets it: by a removal with this id. */
export async function removeStation(
  tx: TransactionSql,
  { tenantId, stationId }: WantedStation,
  removal: string,
): Promise<void> {
  const nothing = {
    ...NOTHING_WANTED,
    wanted_settings: null,
    wanted_monitors: null,
    wanted_password_hash: null,
    wanted_next_password_hash: null,
    wanted_earlier_password_hashes: null,
  }
  await tx`
    update station.station set ${tx({ ...nothing, removal, rotation_id: null, wanted_profile_reset: null })},
      connected = false
    where tenant_id = ${tenantId} and station_id = ${stationId}`
  await forgetSettings(tx, tenantId, stationId)
  await tx`delete from station.connector where tenant_id = ${tenantId} and station_id = ${stationId}`
}
