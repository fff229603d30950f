/** A station and its connectors as the lane in authority tells them. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { timeOf } from './time-of.ts'

export async function projectStation(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  // Telemetry says nothing of a station itself.
  if (entry.journal?.stream !== 'ledger' || fact.stationId === undefined) return
  const { stationId } = fact
  const newer = await stationMoved(tx, entry, stationId)
  if (!newer) return
  const { tenantId } = entry
  switch (fact.kind) {
    case 'station.registered':
      await tx`
        update station.station set approved = ${fact.data.approved}
        where tenant_id = ${tenantId} and station_id = ${stationId}`
      return
    case 'station.connected':
      await tx`
        update station.station set
          connected = true, connected_since = ${entry.receivedAt}, ocpp = ${fact.data.ocpp}
        where tenant_id = ${tenantId} and station_id = ${stationId}`
      return
    case 'station.disconnected':
      await tx`
        update station.station set connected = false, connected_since = ${entry.receivedAt}
        where tenant_id = ${tenantId} and station_id = ${stationId}`
      return
    case 'station.booted': {
      const { ocpp, vendor, model, serial, firmware, status } = fact.data
      await tx`
        update station.station set
          ocpp = ${ocpp}, vendor = ${vendor}, model = ${model}, serial = ${serial ?? null},
          firmware = ${firmware ?? null}, booted_at = ${timeOf(fact.at, entry.receivedAt)}, approved = ${status === 'Accepted'}
        where tenant_id = ${tenantId} and station_id = ${stationId}`
      return
    }
    case 'connector.status': {
      const { evseId, connectorId, status, detail, errorCode, at } = fact.data
      const error = errorCode === undefined || errorCode === 'NoError' ? null : errorCode
      await tx`
        insert into station.connector as c
          (tenant_id, station_id, evse_id, connector_id, status, detail, error_code, since, position, received_at)
        values (${tenantId}, ${stationId}, ${evseId}, ${connectorId}, ${status}, ${detail ?? null}, ${error},
                ${timeOf(at, entry.receivedAt)}, ${entry.position}, ${entry.receivedAt})
        on conflict (tenant_id, station_id, evse_id, connector_id) do update set
          status = excluded.status, detail = excluded.detail, error_code = excluded.error_code,
          since = case when c.status = excluded.status and c.detail is not distinct from excluded.detail
                       then c.since else excluded.since end,
          position = excluded.position, received_at = excluded.received_at`
      return
    }
    default:
      return
  }
}

/**
 * Makes the station's row, or moves it on; false when the row shows something newer (a replay). A station that moved to
 * another site lies in another log partition, where positions say nothing: then the time decides.
 */
async function stationMoved(tx: TransactionSql, entry: LogEntry, stationId: string): Promise<boolean> {
  const seq = entry.journal?.seq ?? 0
  const rows = await tx`
    insert into station.station as s
      (tenant_id, station_id, site_id, created_at, ledger_seq, position, received_at)
    values (${entry.tenantId}, ${stationId}, ${entry.siteId}, ${entry.receivedAt}, ${seq}, ${entry.position},
            ${entry.receivedAt})
    on conflict (tenant_id, station_id) do update set
      ledger_seq = excluded.ledger_seq,
      site_id = excluded.site_id, position = excluded.position, received_at = excluded.received_at
    where (s.site_id = excluded.site_id and s.position < excluded.position)
       or (s.site_id <> excluded.site_id and s.received_at < excluded.received_at)
    returning 1`
  return rows.length > 0
}
