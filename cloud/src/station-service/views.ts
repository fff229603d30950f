/** Rows -> the resources of the public API. */
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import { QUIRKS, quirksOf } from '@switchyard/protocol/site/quirks.ts'
import type { ServiceContext } from '../platform/service.ts'
import { livePictures, sessionInPicture } from './live-picture.ts'
import { type ConnectorRow, connectorsOf, type SiteRow, type StationView } from './queries.ts'
import { quirksIn } from './quirk-wishes.ts'
import { runningAt, sessionResource } from './session-queries.ts'
import type { SessionRow } from './session-row.ts'
import { statusText } from './status-text.ts'

export function siteResource(row: SiteRow, picture: Live | undefined): Site {
  const current = picture?.journalId === row.journal_id ? picture : undefined
  return {
    siteId: row.site_id,
    name: row.name,
    timeZone: row.time_zone,
    createdAt: row.created_at.toISOString(),
    online: row.online,
    lastHeardAt: row.last_heard_at?.toISOString() ?? null,
    journal:
      row.journal_id === null
        ? null
        : { journalId: row.journal_id, ledgerSeq: row.ledger_seq, telemetrySeq: row.telemetry_seq },
    backlog: current === undefined ? null : current.backlog,
    unidentifiedEnergy: row.unidentified_energy,
    connection: row.connection,
    baseline: row.wanted_baseline,
    failsafe: row.wanted_failsafe,
    runningCost: row.wanted_running_cost ?? false,
    authorization: row.wanted_authorization === null ? null : JSON.parse(row.wanted_authorization),
    stations: row.stations,
  }
}

export async function siteResources({ bus }: ServiceContext, rows: readonly SiteRow[]): Promise<Site[]> {
  const pictures = await livePictures(
    bus,
    rows.map((r) => r.site_id),
  )
  return rows.map((row) => siteResource(row, pictures.get(row.site_id)))
}

export async function stationResources(
  { sql, bus, clock }: ServiceContext,
  tenantId: string,
  rows: readonly StationView[],
): Promise<Station[]> {
  const ids = rows.map((r) => r.station_id)
  const [connectors, running, pictures] = await Promise.all([
    connectorsOf(sql, tenantId, ids),
    runningAt(sql, tenantId, ids),
    livePictures(
      bus,
      rows.map((r) => r.site_id),
    ),
  ])
  const now = new Date(clock.now())
  return rows.map((row) => {
    const own = connectors.filter((c) => c.station_id === row.station_id)
    const sessions = running.filter((s) => s.station_id === row.station_id)
    const shown = sessions.map((s) => sessionResource(s, pictures.get(row.site_id), now))
    return {
      stationId: row.station_id,
      siteId: row.site_id,
      ocpp: row.ocpp,
      vendor: row.vendor,
      model: row.model,
      serial: row.serial,
      firmware: row.firmware,
      approved: row.approved,
      registration: row.rejected ? 'rejected' : row.approved ? 'accepted' : 'pending',
      connected: row.connected,
      securityProfile: row.security_profile,
      minSecurityProfile: row.min_security_profile,
      passwordSet: row.password_set,
      passwordRotating: row.password_rotating,
      certificateCn: row.certificate_cn,
      certificate:
        row.certificate_serial === null || row.certificate_not_after === null
          ? null
          : { serialNumber: row.certificate_serial, notAfter: row.certificate_not_after.toISOString() },
      localList: localListOf(row.local_list),
      revokedCertificates: row.revoked_certificates ?? [],
      itemsPerMessage: row.items_per_message === null ? null : JSON.parse(row.items_per_message),
      bootedAt: row.booted_at?.toISOString() ?? null,
      evses: evsesOf(own, shown),
      quirks: quirksTouching(row),
      assignedQuirks: quirksIn(row.wanted_quirks),
      statusText: statusText(
        {
          approved: row.approved,
          rejected: row.rejected,
          connected: row.connected,
          connectedSince: row.connected_since,
          siteOnline: row.site_online,
          siteLastHeardAt: row.site_last_heard_at,
          timeZone: row.time_zone,
          connectors: own.map((c) => ({
            evseId: c.evse_id,
            connectorId: c.connector_id,
            status: c.status,
            detail: c.detail,
            errorCode: c.error_code,
            since: c.since,
          })),
          running: sessions.map((session, i) => ({
            evseId: session.evse_id,
            connectorId: session.connector_id,
            startedAt: session.started_at,
            powerW: shown[i]?.powerW ?? null,
            chargingState: chargingState(session, row, pictures.get(row.site_id)),
          })),
        },
        now,
      ),
      ledgerSeq: row.ledger_seq,
    }
  })
}

function localListOf(told: string | null): Station['localList'] {
  if (told === null) return null
  const { outcome, reason, version, entries, omitted, most, updateType, at } = JSON.parse(
    told,
  ) as FactData<'station.local-list'> & { at: string }
  return {
    outcome,
    reason: reason ?? null,
    version: version ?? null,
    entries: entries ?? null,
    omitted: omitted ?? null,
    most: most ?? null,
    updateType: updateType ?? null,
    at,
  }
}

export function quirksTouching(row: StationView): Station['quirks'] {
  const said = { ofModel: quirksIn(row.model_quirks), ofStation: quirksIn(row.wanted_quirks) }
  return quirksOf(row, said).map(({ name, source, reference = null }) => ({
    name,
    description: QUIRKS[name],
    source,
    reference,
  }))
}

/** The state of charging where it is told with the session: by a picture that knows all that the station's row shows, else by facts. */
function chargingState(session: SessionRow, station: StationView, picture: Live | undefined): string | null {
  const live = sessionInPicture(picture, {
    sessionId: session.session_id,
    stationId: session.station_id,
    journalId: session.journal_id,
    ledgerSeq: Math.max(session.ledger_seq, station.ledger_seq),
    readAt: session.read_at,
  })
  return live?.chargingState ?? session.charging_state
}

/** EVSEs that told a status or have a session; evse 0 is the station as a whole and no EVSE. */
function evsesOf(
  connectors: readonly ConnectorRow[],
  running: readonly { sessionId: string; evseId: number }[],
): Station['evses'] {
  const evseIds = [
    ...new Set([...connectors.map((c) => c.evse_id), ...running.map((s) => s.evseId)].filter((id) => id > 0)),
  ].sort((a, b) => a - b)
  return evseIds.map((evseId) => ({
    evseId,
    sessionId: running.find((s) => s.evseId === evseId)?.sessionId ?? null,
    connectors: connectors
      .filter((c) => c.evse_id === evseId)
      .map((c) => ({
        connectorId: c.connector_id,
        status: c.status,
        detail: c.detail,
        errorCode: c.error_code,
        since: c.since.toISOString(),
      })),
  }))
}
