/**
 * Reservations that the stations hold (1.6 section 5.13; 2.x use cases H01 to H04), one entity for each station. The station itself
 * guards the place: it compares tokens and groups. The site keeps what the station has said yes to, and until when.
 */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import { isSameToken } from '@switchyard/protocol/site/emaid.ts'
import type { FactData, IdToken } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../draft.ts'

export const RESERVATIONS_KIND = 'reservations'

/** Reservations kept for one station, as many as it may have connectors; of more, the one that ends first is told as removed. */
export const MAX_RESERVATIONS = 64

export interface Reservation {
  reservationId: number
  /** 0: any EVSE. */
  evseId: number
  connectorType?: string
  idToken: IdToken
  /** Whoever is of this group may use it as well. */
  groupId?: string
  expiresAtMs: number
}

export type ReservationEnd = FactData<'reservation.ended'>['reason']

export function reservationsOf(state: StateReader, stationId: string): Reservation[] {
  return state.get<Reservation[]>(RESERVATIONS_KIND, stationId) ?? []
}

/** The station has said yes; one of the same id is replaced (1.6 section 5.13, H01.FR.02). */
export function keepReservation(draft: Draft, stationId: string, reservation: Reservation): void {
  const { reservationId, evseId, connectorType, idToken, groupId, expiresAtMs } = reservation
  const others = reservationsOf(draft, stationId).filter((it) => it.reservationId !== reservationId)
  put(draft, stationId, [...others, reservation])
  draft.fact({
    kind: 'reservation.made',
    stationId,
    data: {
      reservationId,
      evseId,
      ...(connectorType === undefined ? {} : { connectorType }),
      idToken,
      ...(groupId === undefined ? {} : { groupId }),
      expiresAt: instant(expiresAtMs),
    },
  })
  if (others.length < MAX_RESERVATIONS) return
  const first = others.reduce((a, b) => (b.expiresAtMs < a.expiresAtMs ? b : a))
  endReservation(draft, stationId, first.reservationId, 'removed')
}

/** It is over; nothing happens when the site knows of none by that id. */
export function endReservation(
  draft: Draft,
  stationId: string,
  reservationId: number,
  reason: ReservationEnd,
  sessionId?: string,
): void {
  const known = reservationsOf(draft, stationId)
  const left = known.filter((it) => it.reservationId !== reservationId)
  if (left.length === known.length) return
  put(draft, stationId, left)
  draft.fact({
    kind: 'reservation.ended',
    stationId,
    ...(sessionId === undefined ? {} : { sessionId }),
    data: { reservationId, reason },
  })
}

/**
 * A session uses the reservation that its station names, or else, as stations leave that out, the one of its token on its EVSE (or
 * on any). A session out of a queue that began after the reservation had ended uses none.
 */
export function useReservation(
  draft: Draft,
  stationId: string,
  session: { sessionId: string; evseId: number; startedAtMs: number; idToken?: IdToken },
  named: number | undefined,
): void {
  const reservations = reservationsOf(draft, stationId)
  const { idToken } = session
  const used =
    reservations.find((it) => it.reservationId === named) ??
    reservations.find(
      (it) =>
        (it.evseId === session.evseId || it.evseId === 0) &&
        idToken !== undefined &&
        isSameToken(it.idToken, idToken) &&
        it.expiresAtMs > session.startedAtMs,
    )
  if (used) endReservation(draft, stationId, used.reservationId, 'used', session.sessionId)
}

/** Whether one of the station's reservations has run out. */
export function hasExpired(state: StateReader, stationId: string, nowMs: number): boolean {
  return reservationsOf(state, stationId).some((it) => it.expiresAtMs <= nowMs)
}

/** Those whose time is over end; the station frees the place by its own clock. */
export function expireReservations(draft: Draft, stationId: string, nowMs: number): void {
  for (const { reservationId, expiresAtMs } of reservationsOf(draft, stationId))
    if (expiresAtMs <= nowMs) endReservation(draft, stationId, reservationId, 'expired')
}

interface Said {
  // 1.6
  reservationId?: number
  connectorId?: number
  expiryDate?: string
  idTag?: string
  parentIdTag?: string
  // 2.x
  id?: number
  evseId?: number
  connectorType?: string
  expiryDateTime?: string
  idToken?: { idToken: string; type: string }
  groupIdToken?: { idToken: string }
}

/**
 * What the station's answer to a call changes: ReserveNow and CancelReservation, in the words of any version. A cancellation that it
 * refuses names a reservation that it does not have (1.6 section 5.2, H02.FR.01).
 */
export function takeReservationAnswer(
  draft: Draft,
  stationId: string,
  { action, payload, status }: { action: string; payload: unknown; status: string | undefined },
): void {
  const said = payload as Said
  const reservationId = said.id ?? said.reservationId
  if (reservationId === undefined) return
  if (action === 'CancelReservation')
    endReservation(draft, stationId, reservationId, status === 'Accepted' ? 'cancelled' : 'removed')
  if (action !== 'ReserveNow' || status !== 'Accepted') return
  const groupId = said.groupIdToken?.idToken ?? said.parentIdTag
  const expiresAtMs = parseInstant(said.expiryDateTime ?? said.expiryDate ?? '')
  const idToken: IdToken | undefined = said.idToken
    ? { value: said.idToken.idToken, type: said.idToken.type }
    : said.idTag === undefined
      ? undefined
      : { value: said.idTag, type: 'Central' }
  if (expiresAtMs === undefined || idToken === undefined) return
  keepReservation(draft, stationId, {
    reservationId,
    evseId: said.evseId ?? said.connectorId ?? 0,
    ...(said.connectorType === undefined ? {} : { connectorType: said.connectorType }),
    idToken,
    ...(groupId === undefined ? {} : { groupId }),
    expiresAtMs,
  })
}

/** Whether an answer to this call may change what the site knows of reservations. */
export function isAboutReservations(action: string): boolean {
  return action === 'ReserveNow' || action === 'CancelReservation'
}

function put(draft: Draft, stationId: string, reservations: Reservation[]): void {
  if (reservations.length === 0) draft.remove(RESERVATIONS_KIND, stationId)
  else draft.put(RESERVATIONS_KIND, stationId, reservations)
}
