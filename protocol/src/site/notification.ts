/**
 * Facts of what OCPP 2.1 stations notify of beyond charging itself: battery swaps (block S), settled payments (C), priority (K21, K22),
 * distributed energy resources (R) and periodic event streams (N11 to N15). Percentages are 0 to 100; amounts are decimal text.
 */
import { z } from 'zod'

const at = z.string()
const idToken = z.object({ value: z.string(), type: z.string() })

/** Words of a battery swap: batteries were put in, taken out, or not taken in time. */
export const SWAP_EVENTS = ['BatteryIn', 'BatteryOut', 'BatteryOutTimeout'] as const
export const swapBattery = z.object({
  /** The slot. */
  evseId: z.int32(),
  serialNumber: z.string(),
  /** State of charge, and of health. */
  socPercent: z.number(),
  sohPercent: z.number(),
  productionDate: z.string().optional(),
  vendorInfo: z.string().optional(),
})

/** A control of a station as a distributed energy resource, as it told it to GetDERControl. */
export const reportedDerControl = z.object({
  controlId: z.string(),
  /** OCPP's word (DERControlEnumType). */
  controlType: z.string(),
  /** Of such as have it: a default, or of a time; another one goes before it. */
  isDefault: z.boolean().optional(),
  isSuperseded: z.boolean().optional(),
  /** OCPP's own shape for that type, as sent. */
  settings: z.json(),
})

/** What a payment terminal's service has said of a payment (PaymentStatusEnumType). */
export const SETTLEMENT_STATUSES = ['Settled', 'Canceled', 'Rejected', 'Failed'] as const
export const vatCompany = z.object({
  name: z.string(),
  address1: z.string(),
  address2: z.string().optional(),
  city: z.string(),
  postalCode: z.string().optional(),
  country: z.string(),
})

export const TARIFF_OUTCOMES = ['set', 'refused', 'unfit', 'cleared', 'not-cleared'] as const

/** kind -> shape of its data, a part of `factData`. */
export const notificationFacts = {
  /** `requestId` is what the words on one swap have in common; `authorization`: what was known of its token then. */
  'station.battery-swap': z.object({
    requestId: z.int(),
    event: z.enum(SWAP_EVENTS),
    idToken,
    authorization: z.string(),
    batteries: z.array(swapBattery),
  }),
  /** Priority charging of a session began or ended: as its driver asked at the station, or as a command told it (K21, K22). */
  'session.priority': z.object({
    transactionId: z.string(),
    activated: z.boolean(),
    by: z.enum(['station', 'command']),
  }),
  /** The cost of a session so far, or in the end, as the station has computed it itself (I07, I08). */
  'session.station-cost': z.object({
    at,
    final: z.boolean(),
    currency: z.string(),
    exclTax: z.string().optional(),
    inclTax: z.string().optional(),
    /** CostDetailsType, as sent. */
    details: z.json(),
  }),
  /** A payment at the station's terminal (block C); of a session where the head names one. */
  'station.payment-settled': z.object({
    /** By the payment service. */
    pspRef: z.string(),
    status: z.enum(SETTLEMENT_STATUSES),
    reason: z.string().optional(),
    amount: z.string(),
    at,
    transactionId: z.string().optional(),
    receiptId: z.string().optional(),
    receiptUrl: z.string().optional(),
    vatNumber: z.string().optional(),
    vatCompany: vatCompany.optional(),
  }),
  /** What came of the default tariff that the site keeps a station at; `unfit`: the station would compute something else than is billed. */
  'station.tariff': z.object({
    tariffId: z.string(),
    outcome: z.enum(TARIFF_OUTCOMES),
    reason: z.string().optional(),
  }),
  /** Something is wrong with the grid, by a control of this type, or is not any more (block R). */
  'station.der-alarm': z.object({
    controlType: z.string(),
    fault: z.string().optional(),
    ended: z.boolean(),
    at,
    info: z.string().optional(),
  }),
  /** A control that was set for a time has begun or is over (block R). */
  'station.der-switched': z.object({
    controlId: z.string(),
    started: z.boolean(),
    at,
    /** Controls that it takes the place of. */
    superseded: z.array(z.string()),
  }),
  /** A part of what GetDERControl was answered with. */
  'station.der-controls': z.object({
    requestId: z.int(),
    more: z.boolean(),
    controls: z.array(reportedDerControl),
  }),
  /** Values of a monitor will come as `station.stream` (N11). */
  'station.stream-opened': z.object({
    streamId: z.int(),
    monitorId: z.int(),
    /** At most so long from one message to the next, s; and at most so many values in one. */
    intervalS: z.int().optional(),
    valuesPerMessage: z.int().optional(),
  }),
  'station.stream-closed': z.object({ streamId: z.int() }),
} as const
