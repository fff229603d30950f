/** Parts that the arguments of several commands have in common. What a mapping reads has a shape here; what it only passes on is checked by the schema of the station's version. */
import { z } from 'zod'
import { anyJson, type Json } from '../json.ts'
import type { ChargingProfile } from '../ocpp/v16.ts'
import type { ChargingProfileType } from '../ocpp/v21.ts'
import type { IdTokenEnumType, IdTokenType } from '../ocpp/v201.ts'
import { CommandFault, type Loose, notIn, type PlanContext } from './define.ts'

/** Seconds, in the fields of OCPP that count them. */
export const seconds = z.int().min(0)
export const evseId = z.int().min(1)
export const connectorId = z.int().min(1)
/** An id that the caller may choose; else the site draws one, and the reply names it. */
export const requestId = z.int().min(0).max(2_147_483_647).optional()
/** RFC 3339. */
export const instant = z.iso.datetime({ offset: true })

export const idToken = z.strictObject({
  value: z.string().min(1).max(255),
  type: z.string().default('Central'),
})
export type CommandIdToken = z.infer<typeof idToken>

/** A structure of OCPP 2.x that goes to the station as it is: its name in the schemas, which say what it may hold. */
export function asInOcpp<T>(name: string): z.ZodType<T, JsonLike> {
  const shape = z
    .record(z.string(), anyJson)
    .meta({ description: `${name} of OCPP 2.x, as its schema has it` })
  return shape as unknown as z.ZodType<T, JsonLike>
}
type JsonLike = { [name: string]: Json }

/** OCPI and other worlds call a card RFID; for 2.x it is what a reader of ISO 14443 reads. */
export function idTokenType({ value, type }: CommandIdToken): IdTokenType {
  return { idToken: value, type: (type === 'RFID' ? 'ISO14443' : type) as IdTokenEnumType }
}

/** Names a session, by our id or by OCPP's own. */
export const sessionRef = {
  sessionId: z.string().min(1).max(64).optional(),
  transactionId: z.string().min(1).max(64).optional(),
}

/** The transaction that is meant. Throws when none is named, or no such session runs on the station. */
export function transactionIdOf(
  { sessionId, transactionId }: { sessionId?: string | undefined; transactionId?: string | undefined },
  context: PlanContext,
): string {
  if (transactionId !== undefined) {
    if (sessionId !== undefined)
      throw new CommandFault('InvalidArguments', 'args.transactionId', 'either this or sessionId')
    return transactionId
  }
  if (sessionId === undefined)
    throw new CommandFault('InvalidArguments', 'args.sessionId', 'is missing (or transactionId)')
  const found = context.transactionIdOf(sessionId)
  if (found === undefined)
    throw new CommandFault(
      'UnknownSession',
      'args.sessionId',
      `no session ${sessionId.slice(0, 64)} runs on this station`,
    )
  return found
}

/** 1.6 numbers its transactions. */
export function numbered(transactionId: string): number {
  if (!/^-?\d{1,10}$/.test(transactionId))
    throw new CommandFault('InvalidArguments', 'args.transactionId', 'is a whole number in OCPP 1.6')
  return Number(transactionId)
}

/** 1.6 knows connectors only, each an EVSE of its own here. */
export function connector16(
  args: { evseId?: number | undefined; connectorId?: number | undefined },
  none?: number,
): number | undefined {
  if (args.connectorId !== undefined && args.evseId !== undefined && args.connectorId !== 1)
    throw notIn('1.6', 'connectorId', 'a connector is named by evseId alone')
  return args.evseId ?? args.connectorId ?? none
}

/** The place of 2.x: an EVSE, and within it a connector. */
export function evse2(
  args: { evseId?: number | undefined; connectorId?: number | undefined },
  context: PlanContext,
): { id: number; connectorId?: number | undefined } | undefined {
  if (args.evseId !== undefined) return { id: args.evseId, connectorId: args.connectorId }
  if (args.connectorId !== undefined)
    throw notIn(context.version, 'evseId', 'a connector lies within an EVSE')
  return undefined
}

const schedulePeriod = z.looseObject({ startPeriod: seconds, limit: z.number().optional() })
const schedule = z.looseObject({
  id: z.int().optional(),
  chargingRateUnit: z.enum(['A', 'W']),
  startSchedule: instant.optional(),
  duration: seconds.optional(),
  minChargingRate: z.number().optional(),
  chargingSchedulePeriod: z.array(schedulePeriod).min(1),
})
/** ChargingProfileType of OCPP 2.x; 1.6 gets what it has words for. Limits are in A or W, as the schedule says. */
export const chargingProfile = z.looseObject({
  id: z.int(),
  stackLevel: z.int().min(0),
  chargingProfilePurpose: z.string(),
  chargingProfileKind: z.string(),
  recurrencyKind: z.string().optional(),
  validFrom: instant.optional(),
  validTo: instant.optional(),
  transactionId: z.string().max(36).optional(),
  chargingSchedule: z.array(schedule).min(1).max(3),
})
export type CommandProfile = z.infer<typeof chargingProfile>

/** In 2.x every schedule has an id; where none is given it is its place. */
export function profile2(profile: CommandProfile, transactionId?: string): Loose<ChargingProfileType> {
  const chargingSchedule = profile.chargingSchedule.map((it, index) => ({ ...it, id: it.id ?? index + 1 }))
  return {
    ...profile,
    chargingSchedule,
    ...(transactionId === undefined ? {} : { transactionId }),
  } as Loose<ChargingProfileType>
}

const PROFILE_FIELDS_16 = new Set([
  ...['id', 'stackLevel', 'chargingProfilePurpose', 'chargingProfileKind', 'recurrencyKind'],
  ...['validFrom', 'validTo', 'transactionId', 'chargingSchedule'],
])
const SCHEDULE_FIELDS_16 = new Set([
  ...['id', 'chargingRateUnit', 'startSchedule', 'duration', 'minChargingRate', 'chargingSchedulePeriod'],
])

export function purpose16(purpose: string): ChargingProfile['chargingProfilePurpose'] {
  const name = purpose === 'ChargingStationMaxProfile' ? 'ChargePointMaxProfile' : purpose
  return name as ChargingProfile['chargingProfilePurpose']
}

/** Throws for what 1.6 has no word for: a limit half told is another limit. */
export function profile16(profile: CommandProfile, transactionId?: string): Loose<ChargingProfile> {
  const [first, second] = profile.chargingSchedule
  if (second !== undefined)
    throw notIn('1.6', 'chargingProfile.chargingSchedule', 'a profile has one schedule')
  for (const name of Object.keys(profile))
    if (!PROFILE_FIELDS_16.has(name)) throw notIn('1.6', `chargingProfile.${name}`, 'has no such field')
  for (const name of Object.keys(first!))
    if (!SCHEDULE_FIELDS_16.has(name))
      throw notIn('1.6', `chargingProfile.chargingSchedule.0.${name}`, 'has no such field')
  const { id: _, ...chargingSchedule } = first!
  const { id, transactionId: named = transactionId, chargingProfilePurpose, ...rest } = profile
  return {
    ...rest,
    chargingProfileId: id,
    ...(named === undefined ? {} : { transactionId: numbered(named) }),
    chargingProfilePurpose: purpose16(chargingProfilePurpose),
    chargingSchedule,
  } as Loose<ChargingProfile>
}
