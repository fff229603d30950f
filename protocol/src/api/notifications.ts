/** What OCPP 2.1 stations notify of, in the public API: battery swaps, payments, energy resources and periodic event streams. */
import { z } from 'zod'
import {
  SETTLEMENT_STATUSES,
  SWAP_EVENTS,
  swapBattery,
  TARIFF_OUTCOMES,
  vatCompany,
} from '../site/notification.ts'

const instant = z.iso.datetime()
const text = z.string().nullable()

export const batterySwap = z
  .object({
    /** What the words of the station on one swap have in common; that of the command, where RequestBatterySwap began it. */
    requestId: z.int(),
    /** The last word. */
    event: z.enum(SWAP_EVENTS),
    idToken: z.object({ value: z.string(), type: z.string() }),
    /** What was known of the token when the station told of it: Accepted, or why not. */
    authorization: z.string(),
    batteriesIn: z.array(swapBattery),
    batteriesOut: z.array(swapBattery),
    inAt: instant.nullable(),
    outAt: instant.nullable(),
    /** Nobody took the batteries in time. */
    timedOutAt: instant.nullable(),
  })
  .meta({ id: 'BatterySwap' })
export type BatterySwap = z.infer<typeof batterySwap>

export const payment = z
  .object({
    /** By the payment service. */
    pspRef: z.string(),
    status: z.enum(SETTLEMENT_STATUSES),
    reason: text,
    /** Decimal text; the currency is the station's own setting. */
    amount: z.string(),
    at: instant,
    transactionId: text,
    sessionId: text,
    receiptId: text,
    receiptUrl: text,
    vatNumber: text,
    vatCompany: vatCompany.nullable(),
  })
  .meta({ id: 'StationPayment' })
export type StationPayment = z.infer<typeof payment>

export const derAlarm = z
  .object({
    /** The control that noticed it, in OCPP's words. */
    controlType: z.string(),
    /** What is wrong with the grid; null: not told. */
    fault: text,
    since: instant,
    /** Null: it stands. */
    endedAt: instant.nullable(),
    info: text,
  })
  .meta({ id: 'DerAlarm' })
export type DerAlarm = z.infer<typeof derAlarm>

export const derControl = z
  .object({
    controlId: z.string(),
    /** Null: it has not been reported. */
    controlType: text,
    isDefault: z.boolean().nullable(),
    /** Another one goes before it. */
    isSuperseded: z.boolean().nullable(),
    /** Whether it is at work, as the station told when that began or ended, and when that was. */
    running: z.boolean().nullable(),
    switchedAt: instant.nullable(),
    /** OCPP's own shape for its type, as reported. */
    settings: z.unknown(),
    /** When a report named it last. */
    reportedAt: instant.nullable(),
  })
  .meta({ id: 'DerControl' })
export type DerControl = z.infer<typeof derControl>

export const eventStream = z
  .object({
    streamId: z.int(),
    /** The monitor whose values it sends; null: the station was not heard to open it. */
    monitorId: z.int().nullable(),
    intervalS: z.int().nullable(),
    valuesPerMessage: z.int().nullable(),
    openedAt: instant.nullable(),
    /** Null: it is open. */
    closedAt: instant.nullable(),
    /** The newest value, as sent; null: none has come. */
    last: z.object({ at: instant, value: z.string() }).nullable(),
    /** Values that waited at the station then. */
    pending: z.int().nullable(),
  })
  .meta({ id: 'EventStream' })
export type EventStream = z.infer<typeof eventStream>

export const stationTariff = z
  .object({
    /** The tariff's own id, and a digest of what it says. */
    tariffId: z.string(),
    /** unfit: the station would compute something else than is billed, so it was not told. */
    outcome: z.enum(TARIFF_OUTCOMES),
    /** The station's word, or why it is unfit. */
    reason: text,
    at: instant,
  })
  .meta({ id: 'StationTariff' })
export type StationTariff = z.infer<typeof stationTariff>

/** Kinds of notifications, each with the shape in which it is kept and shown. */
export interface Notified {
  'battery-swap': BatterySwap
  tariff: StationTariff
  payment: Omit<StationPayment, 'sessionId'>
  'der-alarm': DerAlarm
  'der-control': DerControl
  'event-stream': EventStream
}
