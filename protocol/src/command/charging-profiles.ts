/**
 * Commands about charging profiles: OCPP 1.6 sections 5.5, 5.7 and 5.16; 2.x use cases K01 to K10, and what 2.1 added. On a site
 * with a limit they pass load control first, as raw calls do.
 */
import { z } from 'zod'
import type { ChargingProfilePurposeEnumType, ChargingScheduleUpdateType } from '../ocpp/v21.ts'
import { command } from './define.ts'
import * as part from './parts.ts'

/** 0: the station as a whole. */
const evseOrAll = z.int().min(0)
const purpose = z.enum([
  'ChargingStationExternalConstraints',
  'ChargingStationMaxProfile',
  'TxDefaultProfile',
  'TxProfile',
  'PriorityCharging',
  'LocalGeneration',
])
const { sessionRef, transactionIdOf } = part

export const chargingProfiles = {
  SetChargingProfile: command(
    {
      group: 'Charging profiles',
      summary: 'Sets a charging profile on an EVSE (0: the station), or for a running session',
      ttlMs: 30_000,
    },
    z.object({
      evseId: evseOrAll,
      chargingProfile: part.chargingProfile,
      /** The session that a TxProfile is for; or chargingProfile.transactionId. */
      sessionId: sessionRef.sessionId,
    }),
  )
    .v16('SetChargingProfile', ({ evseId, chargingProfile, sessionId }, context) => ({
      connectorId: evseId,
      csChargingProfiles: part.profile16(
        chargingProfile,
        sessionId === undefined ? undefined : transactionIdOf({ sessionId }, context),
      ),
    }))
    .v2('SetChargingProfile', ({ evseId, chargingProfile, sessionId }, context) => ({
      evseId,
      chargingProfile: part.profile2(
        chargingProfile,
        sessionId === undefined ? undefined : transactionIdOf({ sessionId }, context),
      ),
    })),

  ClearChargingProfile: command(
    {
      group: 'Charging profiles',
      summary: 'Removes charging profiles, by id or by where and what they are',
      ttlMs: 30_000,
    },
    z.object({
      chargingProfileId: z.int().optional(),
      evseId: evseOrAll.optional(),
      chargingProfilePurpose: purpose.optional(),
      stackLevel: z.int().min(0).optional(),
    }),
  )
    .v16('ClearChargingProfile', (args) => ({
      id: args.chargingProfileId,
      connectorId: args.evseId,
      chargingProfilePurpose: args.chargingProfilePurpose && part.purpose16(args.chargingProfilePurpose),
      stackLevel: args.stackLevel,
    }))
    .v2('ClearChargingProfile', ({ chargingProfileId, ...criteria }) => ({
      chargingProfileId,
      chargingProfileCriteria:
        Object.keys(criteria).length === 0
          ? undefined
          : (criteria as { chargingProfilePurpose?: ChargingProfilePurposeEnumType }),
    })),

  GetChargingProfiles: command(
    {
      group: 'Charging profiles',
      summary: 'Asks which charging profiles are installed; answered with the report',
      ttlMs: 120_000,
      idempotent: true,
      report: { action: 'ReportChargingProfiles' },
    },
    z.object({
      evseId: evseOrAll.optional(),
      chargingProfilePurpose: purpose.optional(),
      stackLevel: z.int().min(0).optional(),
      chargingProfileId: z.array(z.int()).min(1).optional(),
      chargingLimitSource: z.array(z.string().max(20)).min(1).max(4).optional(),
      requestId: part.requestId,
    }),
  ).v2('GetChargingProfiles', ({ evseId, requestId, ...criteria }, { drawId }) => ({
    requestId: requestId ?? drawId(),
    evseId,
    chargingProfile: criteria,
  })),

  GetCompositeSchedule: command(
    {
      group: 'Charging profiles',
      summary: 'Asks what all profiles together allow on an EVSE (0: the station) for a time',
      ttlMs: 30_000,
      idempotent: true,
    },
    z.object({
      evseId: evseOrAll,
      /** Seconds. */
      duration: part.seconds,
      chargingRateUnit: z.enum(['A', 'W']).optional(),
    }),
  )
    .v16('GetCompositeSchedule', ({ evseId, ...rest }) => ({ connectorId: evseId, ...rest }))
    .v2('GetCompositeSchedule', (args) => args),

  UpdateDynamicSchedule: command(
    {
      group: 'Charging profiles',
      summary: 'Gives a dynamic charging profile its new limits or setpoints',
      ttlMs: 15_000,
    },
    z.object({
      chargingProfileId: z.int(),
      scheduleUpdate: part.asInOcpp<ChargingScheduleUpdateType>('ChargingScheduleUpdateType'),
    }),
  ).v21('UpdateDynamicSchedule', (args) => args),

  UsePriorityCharging: command(
    {
      group: 'Charging profiles',
      summary: 'Lets a session charge with priority, or ends that',
      ttlMs: 30_000,
    },
    z.object({ ...sessionRef, activate: z.boolean() }),
  ).v21('UsePriorityCharging', (args, context) => ({
    transactionId: transactionIdOf(args, context),
    activate: args.activate,
  })),

  AFRRSignal: command(
    {
      group: 'Charging profiles',
      summary: 'Passes on a signal of automatic frequency restoration',
      ttlMs: 10_000,
    },
    z.object({ timestamp: part.instant, signal: z.int() }),
  ).v21('AFRRSignal', (args) => args),
}
