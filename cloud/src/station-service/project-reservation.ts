/** Reservations that stations hold or held, as the lane in authority tells them; the newest of an id. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { timeOf } from './time-of.ts'

export async function projectReservation(
  tx: TransactionSql,
  { tenantId, siteId, journal, position, receivedAt }: LogEntry,
  fact: ReadEntry,
): Promise<void> {
  if (fact.stationId === undefined || siteId === null || !journal?.authority) return
  if (fact.kind === 'reservation.made') {
    const { reservationId, evseId, connectorType = null, idToken, groupId = null, expiresAt } = fact.data
    // A position says nothing of another site's, which lies in another partition: then the time decides.
    await tx`
      insert into station.reservation as r (tenant_id, station_id, reservation_id, site_id, evse_id, connector_type,
        id_token, id_token_type, group_id, made_at, expires_at, status, position, received_at)
      values (${tenantId}, ${fact.stationId}, ${reservationId}, ${siteId}, ${evseId}, ${connectorType},
        ${idToken.value}, ${idToken.type}, ${groupId}, ${timeOf(fact.at, receivedAt)}, ${timeOf(expiresAt, receivedAt)},
        'held', ${position}, ${receivedAt})
      on conflict (tenant_id, station_id, reservation_id) do update set
        site_id = excluded.site_id, evse_id = excluded.evse_id, connector_type = excluded.connector_type,
        id_token = excluded.id_token, id_token_type = excluded.id_token_type, group_id = excluded.group_id,
        made_at = excluded.made_at, expires_at = excluded.expires_at, status = excluded.status,
        ended_at = null, session_id = null, position = excluded.position, received_at = excluded.received_at
      where case when r.site_id = excluded.site_id then r.position < excluded.position
                 else r.received_at < excluded.received_at end`
  }
  if (fact.kind === 'reservation.ended') {
    const { reservationId, reason } = fact.data
    await tx`
      update station.reservation set status = ${reason}, ended_at = ${timeOf(fact.at, receivedAt)},
        session_id = ${fact.sessionId ?? null}, position = ${position}, received_at = ${receivedAt}
      where tenant_id = ${tenantId} and station_id = ${fact.stationId} and reservation_id = ${reservationId}
        and site_id = ${siteId} and position < ${position}`
  }
}
