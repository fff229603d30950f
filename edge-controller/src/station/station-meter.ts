/** Readings outside any session: clock-aligned ones of an idle connector, or of the station as a whole. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Draft } from '../draft.ts'
import { lastRegister, type Reading } from '../session/reading.ts'
import { changeStation, connectorOf, withRegister } from './station.ts'

export function takeStationReadings(
  draft: Draft,
  stationId: string,
  evseId: number,
  connectorId: number,
  readings: readonly Reading[],
): void {
  for (const { atMs, values } of readings) {
    const data = { at: instant(atMs), evseId, connectorId, values }
    draft.fact({ kind: 'station.meter', stationId, data })
  }
  // What an idle meter shows is what the next start must not be below.
  const register = lastRegister(readings)
  if (!register) return
  changeStation(draft, stationId, (station) => {
    const connector = connectorOf(station, evseId, connectorId)
    // An idle meter repeats itself: that is no change of state.
    if (!connector || connector.register?.milliWh === register.milliWh) return station
    const changed = withRegister(connector, register.milliWh, register.atMs)
    return { ...station, connectors: station.connectors.map((c) => (c === connector ? changed : c)) }
  })
}
