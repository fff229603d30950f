/** Reservations in the public API (OCPP 1.6 section 5.13; 2.x use cases H01 to H04). */
import { z } from 'zod'

/**
 * held: the station keeps the place; used: a session took it; cancelled: by CancelReservation; expired: its time is over; removed:
 * the station does not hold it any more (a fault, a change of availability, or it never came to know of it).
 */
export const RESERVATION_STATUSES = ['held', 'used', 'cancelled', 'expired', 'removed'] as const

export const reservation = z
  .object({
    reservationId: z.int(),
    /** Null: any EVSE. */
    evseId: z.int().nullable(),
    connectorType: z.string().nullable(),
    idToken: z.object({ value: z.string(), type: z.string() }),
    /** Whoever is of this group may use it as well. */
    groupId: z.string().nullable(),
    madeAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    status: z.enum(RESERVATION_STATUSES),
    endedAt: z.iso.datetime().nullable(),
    /** The session that used it. */
    sessionId: z.string().nullable(),
  })
  .meta({ id: 'Reservation' })
