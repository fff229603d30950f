/** Charging profiles of 1.6 (section 3.13): the failsafe for every session to come, and the limit of one that runs. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { SetChargingProfileRequest } from '@switchyard/protocol/ocpp/v16.ts'
import { FAILSAFE_PROFILE_ID, STACK_LEVEL } from '../../load/profile-ids.ts'
import type { Rate } from '../../load/rate.ts'
import type { Limit, OutgoingCall } from '../module.ts'

function setProfile(request: SetChargingProfileRequest): OutgoingCall {
  return { action: 'SetChargingProfile', payload: request as unknown as JsonObject }
}

/** On connector 0 it holds for each connector separately. */
export function failsafeProfile(rate: Rate): OutgoingCall {
  return setProfile({
    connectorId: 0,
    csChargingProfiles: {
      chargingProfileId: FAILSAFE_PROFILE_ID,
      stackLevel: STACK_LEVEL,
      chargingProfilePurpose: 'TxDefaultProfile',
      chargingProfileKind: 'Relative',
      chargingSchedule: {
        chargingRateUnit: rate.unit,
        chargingSchedulePeriod: [{ startPeriod: 0, limit: rate.limit }],
      },
    },
  })
}

export function limitProfile({ evseId, rate, session, profileId }: Limit): OutgoingCall {
  return setProfile({
    connectorId: evseId,
    csChargingProfiles: {
      chargingProfileId: profileId,
      transactionId: Number(session.transactionId),
      stackLevel: STACK_LEVEL,
      chargingProfilePurpose: 'TxProfile',
      chargingProfileKind: 'Relative',
      chargingSchedule: {
        chargingRateUnit: rate.unit,
        chargingSchedulePeriod: [{ startPeriod: 0, limit: rate.limit }],
      },
    },
  })
}
