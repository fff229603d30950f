/** A direct site has one station, which is known by its id alone wherever it connects. */
import type { Sql, TransactionSql } from 'postgres'
import { conflict, invalid } from '../platform/http/problem.ts'

/**
 * Gives a direct site its station. Throws 422 without a password (`null` says that none is wanted), 409 when the site has another
 * station or the id is another direct station's. Asked again for the same, it changes nothing.
 */
export async function takeDirectSite(
  sql: Sql,
  { tenantId, siteId, stationId }: { tenantId: string; siteId: string; stationId: string },
  password: string | null | undefined,
): Promise<void> {
  if (password === undefined)
    throw invalid([
      {
        path: 'password',
        message:
          'a station that connects to the cloud directly needs one; null says that none shall be asked for',
      },
    ])
  await sql`
    insert into station.direct (station_id, site_id, tenant_id) values (${stationId}, ${siteId}, ${tenantId})
    on conflict do nothing`
  const [row] = await sql<{ site_id: string }[]>`
    select site_id from station.direct where station_id = ${stationId} and tenant_id = ${tenantId}`
  if (row?.site_id === siteId) return
  const [other] = await sql<{ station_id: string }[]>`
    select station_id from station.direct where site_id = ${siteId} and tenant_id = ${tenantId}`
  throw conflict(
    other === undefined
      ? `The id ${stationId} is taken by another station that connects directly`
      : `Site ${siteId} is direct and has its one station, ${other.station_id}; make another site for this one`,
  )
}

/** Its station was removed: the site may have another one, and the id another site. */
export async function leaveDirectSite(
  tx: TransactionSql,
  { tenantId, stationId }: { tenantId: string; stationId: string },
): Promise<void> {
  await tx`delete from station.direct where station_id = ${stationId} and tenant_id = ${tenantId}`
}
