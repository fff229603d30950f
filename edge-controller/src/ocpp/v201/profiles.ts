/** Charging profiles of 2.0.1 (use cases K01 to K03): the failsafe for every session to come, and the limit of one that runs. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { SetChargingProfileRequest } from '@switchyard/protocol/ocpp/v201.ts'
import { FAILSAFE_PROFILE_ID, STACK_LEVEL } from '../../load/profile-ids.ts'
import type { Rate } from '../../load/rate.ts'
import type { Limit, OutgoingCall } from '../module.ts'

function setProfile(request: SetChargingProfileRequest): OutgoingCall {
  return { action: 'SetChargingProfile', payload: request as unknown as JsonObject }
}

/** On EVSE 0 it holds for each EVSE separately. */
export function failsafeProfile(rate: Rate): OutgoingCall {
  return setProfile({
    evseId: 0,
    chargingProfile: {
      id: FAILSAFE_PROFILE_ID,
      stackLevel: STACK_LEVEL,
      chargingProfilePurpose: 'TxDefaultProfile',
      chargingProfileKind: 'Relative',
      chargingSchedule: [
        {
          id: FAILSAFE_PROFILE_ID,
          chargingRateUnit: rate.unit,
          chargingSchedulePeriod: [{ startPeriod: 0, limit: rate.limit }],
        },
      ],
    },
  })
}

export function limitProfile({ evseId, rate, session, profileId, plan }: Limit): OutgoingCall {
  const periods = plan?.periods ?? [{ startS: 0, rate }]
  return setProfile({
    evseId,
    chargingProfile: {
      id: profileId,
      stackLevel: STACK_LEVEL,
      chargingProfilePurpose: 'TxProfile',
      chargingProfileKind: plan ? 'Absolute' : 'Relative',
      transactionId: session.transactionId,
      chargingSchedule: [
        {
          id: profileId,
          ...(plan ? { startSchedule: instant(plan.startsAtMs) } : {}),
          chargingRateUnit: rate.unit,
          chargingSchedulePeriod: periods.map((it) => ({ startPeriod: it.startS, limit: it.rate.limit })),
        },
      ],
    },
  })
}
