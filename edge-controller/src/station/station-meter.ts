/** Readings outside any session: clock-aligned ones of an idle connector, or of the station as a whole. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Draft } from '../draft.ts'
import { keptValues, lastRegister, type Reading } from '../session/reading.ts'
import type { SessionContext } from '../session/session.ts'
import { isPlausible } from '../session/timing.ts'
import { assertPlace, changeStation, connectorOf, withRegister } from './station.ts'

export function takeStationReadings(
  draft: Draft,
  { stationId, at }: Pick<SessionContext, 'stationId' | 'at'>,
  evseId: number,
  connectorId: number,
  readings: readonly Reading[],
): void {
  assertPlace(evseId, connectorId)
  for (const { atMs, values } of readings) {
    const data = { at: instant(atMs), evseId, connectorId, values: keptValues(values) }
    draft.fact({ kind: 'station.meter', stationId, data })
  }
  // What an idle meter shows is what the next start must not be below.
  const register = lastRegister(
    readings.map((r) => ({ ...r, atMs: isPlausible(r.atMs, at) ? r.atMs : at.nowMs })),
  )
  if (!register) return
  changeStation(draft, stationId, (station) => {
    const connector = connectorOf(station, evseId, connectorId)
    // An idle meter repeats itself: that is no change of state.
    if (!connector || connector.register?.milliWh === register.milliWh) return station
    const changed = withRegister(connector, register.milliWh, register.atMs)
    return { ...station, connectors: station.connectors.map((c) => (c === connector ? changed : c)) }
  })
}
