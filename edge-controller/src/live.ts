/** The current picture of the site's stations, from state as committed. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { LiveSession, LiveStation } from '@switchyard/protocol/site/live.ts'
import { type Session, sessionById } from './session/session.ts'
import type { SiteState } from './site-state.ts'
import { type Connector, STATION_KIND, type Station } from './station/station.ts'

export interface LivePorts {
  isConnected(stationId: string): boolean
  /** What load control allows a session now, mA per phase. */
  limitMa(session: Session): number | undefined
}

export function liveStations(state: SiteState, ports: LivePorts): LiveStation[] {
  return state
    .list<Station>(STATION_KIND)
    .map((station) => ({
      stationId: station.stationId,
      connected: ports.isConnected(station.stationId),
      connectors: station.connectors
        .filter((connector) => connector.evseId > 0)
        .map((connector) => {
          const session = sessionById(state, connector.sessionId)
          return {
            evseId: connector.evseId,
            connectorId: connector.connectorId,
            status: connector.status ?? 'Unknown',
            ...(connector.detail === undefined ? {} : { detail: connector.detail }),
            ...(session ? { session: liveSession(session, connector, ports) } : {}),
          }
        }),
    }))
    .sort((a, b) => (a.stationId < b.stationId ? -1 : 1))
}

/** 1.6 tells the charging state by the connector's status. */
const CHARGING_STATES = ['Charging', 'SuspendedEV', 'SuspendedEVSE']

function liveSession(session: Session, connector: Connector, ports: LivePorts): LiveSession {
  const { startRegisterMilliWh, register, reading } = session
  const limitMa = ports.limitMa(session)
  const chargingState = session.chargingState ?? CHARGING_STATES.find((state) => state === connector.detail)
  return {
    sessionId: session.sessionId,
    startedAt: instant(session.startedAtMs),
    ...(startRegisterMilliWh === undefined || register === undefined
      ? {}
      : { energyMilliWh: Math.max(0, register.milliWh - startRegisterMilliWh) }),
    ...(reading?.powerW === undefined ? {} : { powerW: reading.powerW }),
    ...(reading?.currentMa === undefined ? {} : { currentMa: reading.currentMa }),
    ...(limitMa === undefined ? {} : { limitMa }),
    ...(reading?.socPercent === undefined ? {} : { socPercent: reading.socPercent }),
    ...(chargingState === undefined ? {} : { chargingState }),
    ...(session.idToken ? { idToken: session.idToken.value } : {}),
    ...(reading ? { readAt: instant(reading.atMs) } : {}),
  }
}
