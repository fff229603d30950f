/** Stations in the public API: what they are, and what an operator wants of them. */
import { z } from 'zod'
import { assignedQuirks, stationQuirk } from './quirks.ts'

const instant = z.iso.datetime()
/** OCPP identity: what may stand in the WebSocket URL (OCPP 2.0.1 Part 4, 3.1.1: identifierString, at most 48). */
export const STATION_ID_PATTERN = /^[A-Za-z0-9*\-_=:+|@.]{1,48}$/

export const connector = z.object({
  connectorId: z.int(),
  status: z.string(),
  detail: z.string().nullable(),
  errorCode: z.string().nullable(),
  since: instant,
})
export const evse = z.object({
  evseId: z.int(),
  connectors: z.array(connector),
  sessionId: z.string().nullable(),
})
/** A station's local authorization list as its site keeps it in step with the tokens. */
const localList = z.object({
  outcome: z.enum(['kept', 'failed']),
  /** Why it failed: the station's word, or what the site found. */
  reason: z.string().nullable(),
  version: z.int().nullable(),
  /** Tokens in it. */
  entries: z.int().nullable(),
  /** Tokens that are not: the station has no room for them, or its version no word. */
  omitted: z.int().nullable(),
  /** Tokens that the station can hold, where it has told so. */
  most: z.int().nullable(),
  /** How it was sent last. */
  updateType: z.enum(['Full', 'Differential']).nullable(),
  at: instant,
})
/** accepted; pending: waits for approval; rejected: turned away. */
export const REGISTRATIONS = ['accepted', 'pending', 'rejected'] as const
/** Actions whose lists a command splits. */
export const SPLIT_ACTIONS = [
  'GetConfiguration',
  'GetVariables',
  'SetVariables',
  'SetVariableMonitoring',
  'ClearVariableMonitoring',
  'SendLocalList',
] as const
const itemsPerMessage = z.partialRecord(z.enum(SPLIT_ACTIONS), z.int().min(1).max(1_000))

export const station = z
  .object({
    stationId: z.string(),
    siteId: z.string(),
    ocpp: z.string().nullable(),
    vendor: z.string().nullable(),
    model: z.string().nullable(),
    serial: z.string().nullable(),
    firmware: z.string().nullable(),
    approved: z.boolean(),
    /** How its boots are answered. */
    registration: z.enum(REGISTRATIONS).default('pending'),
    connected: z.boolean(),
    bootedAt: instant.nullable(),
    /** OCPP security profile of its newest connection; null: none yet. */
    securityProfile: z.int().nullable().default(null),
    /** Lowest profile that it may connect with; null: nobody has said. */
    minSecurityProfile: z.int().nullable().default(null),
    /** Whether it is asked for a password. */
    passwordSet: z.boolean().default(false),
    /** A new password is on its way: both are taken until the new one was used. */
    passwordRotating: z.boolean().default(false),
    certificateCn: z.string().nullable().default(null),
    /** The newest certificate that its site signed for it. */
    certificate: z.object({ serialNumber: z.string(), notAfter: instant }).nullable().default(null),
    revokedCertificates: z.array(z.string()).default([]),
    itemsPerMessage: itemsPerMessage.nullable().default(null),
    /** What became of the list of tokens that its site keeps in it, where it does; null: nothing was told. */
    localList: localList.nullable().default(null),
    evses: z.array(evse),
    /** What it does otherwise than OCPP says, as far as known or said, and what is done about it. */
    quirks: z.array(stationQuirk).default([]),
    /** What operators say of it; empty: it is as it is known. */
    assignedQuirks: assignedQuirks.default({}),
    /** A plain sentence, e.g. "Charging since 14:05, 7.2 kW". */
    statusText: z.string(),
    /** Ledger seq of the newest fact that this shows. */
    ledgerSeq: z.int(),
  })
  .meta({ id: 'Station' })
export type Station = z.infer<typeof station>

const stationWish = z.strictObject({
  approved: z.boolean().optional().describe('true: `registration` accepted; false: pending'),
  registration: z
    .enum(REGISTRATIONS)
    .optional()
    .describe('How its boots are answered; a running connection hears of a change at once'),
  password: z
    .string()
    .min(8)
    .max(64)
    .nullable()
    .optional()
    .describe(
      'Basic-auth password; null removes it. Kept only as a hash. A connection that was opened with another one is closed',
    ),
  nextPassword: z
    .string()
    .min(8)
    .max(64)
    .nullable()
    .optional()
    .describe(
      'A password that the station is being given: both are taken until this one was used, then only this one. Null gives it up',
    ),
  minSecurityProfile: z
    .int()
    .min(0)
    .max(3)
    .nullable()
    .optional()
    .describe('Lowest OCPP security profile that it may connect with; null: as its OCPP version asks for'),
  resetSecurityProfile: z
    .literal(true)
    .optional()
    .describe('Gives up the highest profile that the station has proved, below which it is not let in again'),
  certificateCn: z
    .string()
    .min(1)
    .max(64)
    .nullable()
    .optional()
    .describe(
      'Common name of its certificate (its serial number), where that is not its identity; null: it is',
    ),
  revokedCertificates: z
    .array(z.string().regex(/^[0-9A-Fa-f]{1,64}$/, 'hex digits'))
    .max(100)
    .optional()
    .describe('Serial numbers of its certificates that are not taken any more; replaces the list'),
  baseline: z
    .boolean()
    .nullable()
    .optional()
    .describe('Whether the metering baseline is set on it; null: as its site says'),
  failsafe: z
    .boolean()
    .nullable()
    .optional()
    .describe(
      'Whether the failsafe limit is installed on it; null: as its site says. Without it load control reserves 32 A for each of its connectors until a session’s own limit holds',
    ),
  itemsPerMessage: itemsPerMessage
    .nullable()
    .optional()
    .describe(
      'Items that it takes in one message, by action: longer lists of a command go in several. Goes before what the station tells (ItemsPerMessage); replaces what was said before; null: as it tells',
    ),
  maxPowerW: z.int().min(1).max(10_000_000).optional(),
  assignedQuirks: assignedQuirks
    .nullable()
    .optional()
    .describe(
      'Quirks that it has (true) or has not (false), whatever is known of its model; replaces what was said, null takes it back',
    ),
  tariffId: z
    .string()
    .nullable()
    .optional()
    .describe('Tariff of this station; null: the site’s, else the tenant’s'),
})
const agrees = {
  check: (it: Pick<z.infer<typeof stationWish>, 'approved' | 'registration'>) =>
    it.approved === undefined ||
    it.registration === undefined ||
    it.approved === (it.registration === 'accepted'),
  fault: { path: ['approved'], message: 'contradicts registration' },
}
export const stationPatch = stationWish.refine(agrees.check, agrees.fault)
/** The whole of what is wanted of a station: what is left out is as if nobody had said it, but for the password, which stays. */
export const stationPut = stationWish.extend({ siteId: z.string() }).refine(agrees.check, agrees.fault)
export const stationInput = stationWish
  .extend({ stationId: z.string().regex(STATION_ID_PATTERN), siteId: z.string() })
  .refine(agrees.check, agrees.fault)
