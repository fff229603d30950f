/** A station and its connectors as the lane in authority tells them. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { HeldRows, type RowTable } from '../platform/event-log/held-rows.ts'
import { STATION, type StationRow } from './station-row.ts'
import { timeOf } from './time-of.ts'

interface ConnectorRow {
  tenant_id: string
  station_id: string
  evse_id: number
  connector_id: number
  status: string
  detail: string | null
  error_code: string | null
  since: Date
  position: number
  received_at: Date
}

const CONNECTOR: RowTable = {
  name: 'station.connector',
  key: { tenant_id: 'text', station_id: 'text', evse_id: 'int', connector_id: 'int' },
  columns: ['status', 'detail', 'error_code', 'since', 'position', 'received_at'],
}

export async function projectStations(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  // Telemetry says nothing of a station itself, and a fenced lane sets no current state (I8).
  const told = readings.filter(
    ({ entry: { journal }, read }) =>
      journal?.stream === 'ledger' && journal.authority && read.stationId !== undefined,
  )
  const stations = await HeldRows.of<StationRow>(tx, STATION, told.map(stationKey))
  const connectors = await HeldRows.of<ConnectorRow>(tx, CONNECTOR, told.flatMap(connectorKey))
  for (const reading of told) {
    const { entry, read } = reading
    const before = stations.get(stationKey(reading))
    if (before && !isNewer(entry, before)) continue
    stations.put(stationAfter(before ?? newStation(reading), entry, read))
    for (const key of connectorKey(reading)) connectors.put(connectorAfter(connectors.get(key), key, reading))
  }
  await stations.write(tx)
  await connectors.write(tx)
}

function stationKey({ entry, read }: Reading) {
  return { tenant_id: entry.tenantId, station_id: read.stationId ?? '' }
}

/** Of the connector that a fact tells of, if it does. */
function connectorKey(reading: Reading) {
  if (reading.read.kind !== 'connector.status') return []
  const { evseId, connectorId } = reading.read.data
  return [{ ...stationKey(reading), evse_id: evseId, connector_id: connectorId }]
}

/**
 * False: the row shows something newer (a replay). A station that moved to another site lies in another log partition,
 * where positions say nothing: then the time decides. A row that only an operator wrote of shows nothing.
 */
function isNewer(entry: LogEntry, row: StationRow): boolean {
  return row.site_id === entry.siteId ? row.position < entry.position : !(row.received_at >= entry.receivedAt)
}

function newStation({ entry, read }: Reading): StationRow {
  return {
    tenant_id: entry.tenantId,
    station_id: read.stationId ?? '',
    site_id: entry.siteId ?? '',
    created_at: entry.receivedAt,
    ocpp: null,
    vendor: null,
    model: null,
    serial: null,
    firmware: null,
    approved: false,
    connected: false,
    connected_since: null,
    booted_at: null,
    registered_after: null,
    proved_rotation: null,
    given_up_rotation: null,
    security_profile: null,
    certificate_serial: null,
    certificate_not_after: null,
    local_list: null,
    ledger_seq: 0,
    position: 0,
    received_at: entry.receivedAt,
  }
}

function stationAfter(row: StationRow, entry: LogEntry, fact: ReadEntry): StationRow {
  const moved: StationRow = {
    ...row,
    site_id: entry.siteId ?? '',
    ledger_seq: entry.journal?.seq ?? 0,
    position: entry.position,
    received_at: entry.receivedAt,
  }
  switch (fact.kind) {
    case 'station.registered':
      return { ...moved, approved: fact.data.approved, registered_after: fact.data.afterRemoval ?? null }
    case 'station.removed':
      return { ...moved, connected: false, local_list: null }
    case 'station.certificate': {
      const { outcome, certificateType, serialNumber, notAfter } = fact.data
      // What it shows to cars is not what it connects with.
      if (certificateType !== undefined) return moved
      if (outcome !== 'accepted' || serialNumber === undefined || notAfter === undefined) return moved
      return {
        ...moved,
        certificate_serial: serialNumber,
        certificate_not_after: timeOf(notAfter, entry.receivedAt),
      }
    }
    case 'station.local-list': {
      const told = { ...fact.data, at: timeOf(fact.at, entry.receivedAt).toISOString() }
      return { ...moved, local_list: JSON.stringify(told) }
    }
    case 'station.password-proved':
      return { ...moved, proved_rotation: fact.data.rotation }
    case 'station.password-given-up':
      return { ...moved, given_up_rotation: fact.data.rotation }
    case 'station.connected':
      return {
        ...moved,
        connected: true,
        connected_since: entry.receivedAt,
        ocpp: fact.data.ocpp,
        security_profile: fact.data.securityProfile ?? null,
      }
    case 'station.disconnected':
      return { ...moved, connected: false, connected_since: entry.receivedAt }
    case 'station.booted': {
      const { ocpp, vendor, model, serial, firmware, status } = fact.data
      return {
        ...moved,
        ocpp,
        vendor,
        model,
        serial: serial ?? null,
        firmware: firmware ?? null,
        booted_at: timeOf(fact.at, entry.receivedAt),
        approved: status === 'Accepted',
      }
    }
    default:
      return moved
  }
}

function connectorAfter(
  row: ConnectorRow | undefined,
  key: Pick<ConnectorRow, 'tenant_id' | 'station_id' | 'evse_id' | 'connector_id'>,
  { entry, read }: Reading,
): ConnectorRow {
  const {
    status,
    detail = null,
    errorCode,
    at,
  } = (read as Extract<ReadEntry, { kind: 'connector.status' }>).data
  const same = row?.status === status && row.detail === detail
  return {
    ...key,
    status,
    detail,
    error_code: errorCode === undefined || errorCode === 'NoError' ? null : errorCode,
    since: same ? row.since : timeOf(at, entry.receivedAt),
    position: entry.position,
    received_at: entry.receivedAt,
  }
}
