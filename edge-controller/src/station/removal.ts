/** A station that an operator removed: what the site knows of it is forgotten, once for each removal that the stations document tells. */
import type { Draft, StateReader } from '../draft.ts'
import { presumeEnd } from '../session/end.ts'
import { forgetSession, runningSessions, type SessionContext } from '../session/session.ts'
import { keepAskedTariff, keepDefaultTariff } from './default-tariff.ts'
import { keepDynamicProfiles } from './dynamic-profiles.ts'
import { endReservation, reservationsOf } from './reservations.ts'
import { removalOf } from './settings.ts'
import { STATION_KIND, stationOf } from './station.ts'
import { keepMonitors } from './wanted-monitors.ts'

/** Entity of the local list that was sent to a station last (see ocpp/local-lists.ts). */
export const LOCAL_LIST_KIND = 'local-list'
/** Entity of the withdrawal of tokens that a station's cache was last cleared after (see ocpp/stale-caches.ts). */
export const CLEARED_CACHE_KIND = 'cache.cleared'

/** The site knows the station from before its removal. */
export function isToBeForgotten(state: StateReader, stationId: string): boolean {
  const removal = removalOf(state, stationId)
  const station = stationOf(state, stationId)
  return station !== undefined && removal !== undefined && station.afterRemoval !== removal
}

/** Sessions that still run end at their last register; then nothing of the station is left. */
export function forgetStation(draft: Draft, context: SessionContext): void {
  const { stationId } = context
  const removal = removalOf(draft, stationId)
  if (removal === undefined || !isToBeForgotten(draft, stationId)) return
  for (const session of runningSessions(draft, stationId))
    presumeEnd(draft, context, session, 'the station was removed')
  const { running, ended } = stationOf(draft, stationId)!
  for (const sessionId of [...running, ...ended]) forgetSession(draft, sessionId)
  for (const { reservationId } of reservationsOf(draft, stationId))
    endReservation(draft, stationId, reservationId, 'removed')
  draft.remove(LOCAL_LIST_KIND, stationId)
  draft.remove(CLEARED_CACHE_KIND, stationId)
  keepMonitors(draft, stationId, [])
  keepDynamicProfiles(draft, stationId, [])
  keepDefaultTariff(draft, stationId, undefined)
  keepAskedTariff(draft, stationId, undefined)
  draft.remove(STATION_KIND, stationId)
  draft.fact({ kind: 'station.removed', stationId, data: { removal } })
}
