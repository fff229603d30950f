/** A station that an operator removed: what the site knows of it is forgotten, once for each removal that the stations document tells. */
import type { Draft, StateReader } from '../draft.ts'
import { forgetSession, presumeEnd } from '../session/end.ts'
import { runningSessions, type SessionContext } from '../session/session.ts'
import { endReservation, reservationsOf } from './reservations.ts'
import { removalOf } from './settings.ts'
import { STATION_KIND, stationOf } from './station.ts'

/** Entity of the local list that was sent to a station last (see ocpp/local-lists.ts). */
export const LOCAL_LIST_KIND = 'local-list'

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
  draft.remove(STATION_KIND, stationId)
  draft.fact({ kind: 'station.removed', stationId, data: { removal } })
}
