/** ReservationStatusUpdate (2.x use cases H03, H04): the station tells that a reservation is over, and why. */
import type {
  ReservationStatusUpdateRequest,
  ReservationStatusUpdateResponse,
} from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { endReservation } from '../../station/reservations.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function reservationStatusUpdate(
  { state, stationId }: HandlerContext,
  said: ReservationStatusUpdateRequest,
): Decision<ReservationStatusUpdateResponse> {
  const { reservationId, reservationUpdateStatus } = said
  const draft = new Draft(state)
  // 2.1 has a third word (NoTransaction: nobody plugged in in time), which is one of being over as well.
  const isExpiry = reservationUpdateStatus === 'Expired'
  endReservation(draft, stationId, reservationId, isExpiry ? 'expired' : 'removed')
  const event = { action: 'ReservationStatusUpdate', reservationId, reservationUpdateStatus }
  draft.fact({ kind: 'station.event', stationId, data: { events: [event] } })
  return { reply: {}, outcome: draft.outcome() }
}
