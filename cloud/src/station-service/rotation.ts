/**
 * The next password of a station, in its row: what it may hold already stays good beside it, so that no rotation, whatever became of the
 * ones before, can lock a station out (A01).
 */
import { MAX_EARLIER_PASSWORDS } from '@switchyard/protocol/site/document.ts'
import type { TransactionSql } from 'postgres'
import type { Random } from '../platform/clock.ts'
import { conflict } from '../platform/http/problem.ts'
import { lockSite, type PublishContext, publishStations } from './documents.ts'
import { type StationWish, type WantedStation, wishOfStation } from './wanted.ts'

interface Held {
  wanted_password_hash: string | null
  wanted_next_password_hash: string | null
  wanted_earlier_password_hashes: string[] | null
  isProved: boolean
  isGivenUp: boolean
}

/** Of a password that is drawn: as hex digits it is as long as every version takes. */
const PASSWORD_BYTES = 20

/** Another password for the station, as the arguments of the command say or drawn. */
export function passwordOf(args: { password?: string | undefined }, random: Random): string {
  return args.password ?? Buffer.from(random.bytes(PASSWORD_BYTES)).toString('hex').toUpperCase()
}

/**
 * Writes that the station shall have this password next, by the id of the command that gives it to the station, and tells its site.
 * Call before the command is written, in its transaction.
 */
export async function beginRotation(
  tx: TransactionSql,
  { tenantId, stationId, siteId }: WantedStation,
  hash: string,
  commandId: string,
  { eventLog, at, trace }: Pick<PublishContext, 'eventLog' | 'at' | 'trace'>,
): Promise<void> {
  await lockSite(tx, siteId)
  const wish = await rotationTo(tx, { tenantId, stationId }, hash, commandId)
  await wishOfStation(tx, { tenantId, stationId, siteId }, wish, at)
  await publishStations(tx, { eventLog, tenantId, siteId, at, trace })
}

/** What begins the rotation `rotation` to `hash`; null gives up the one that is under way. The caller holds the site's lock. Throws 409 where too many are open. */
export async function rotationTo(
  tx: TransactionSql,
  station: { tenantId: string; stationId: string } | undefined,
  hash: string | null,
  rotation: string,
): Promise<StationWish> {
  const [held] = !station
    ? []
    : await tx<Held[]>`
    select wanted_password_hash, wanted_next_password_hash, wanted_earlier_password_hashes,
           coalesce(proved_rotation = rotation_id, false) as "isProved",
           coalesce(given_up_rotation = rotation_id, false) as "isGivenUp"
    from station.station where tenant_id = ${station.tenantId} and station_id = ${station.stationId}`
  const next = { wanted_next_password_hash: hash, rotation_id: hash === null ? null : rotation }
  const open = held?.wanted_next_password_hash ?? null
  if (held === undefined || open === null)
    return hash === null ? { ...next, wanted_earlier_password_hashes: null } : next
  // It was used: it is the password now.
  if (held.isProved) return { ...next, wanted_password_hash: open, wanted_earlier_password_hashes: null }
  if (hash === null) return { ...next, wanted_earlier_password_hashes: null }
  if (held.isGivenUp) return next
  const earlier = [...(held.wanted_earlier_password_hashes ?? []), open]
  if (earlier.length > MAX_EARLIER_PASSWORDS)
    throw conflict(
      `${earlier.length} new passwords are on their way to ${station?.stationId}, and none was used yet: set \`password\` to the one that it has, or give them up with \`nextPassword\`: null`,
    )
  return { ...next, wanted_earlier_password_hashes: earlier }
}
