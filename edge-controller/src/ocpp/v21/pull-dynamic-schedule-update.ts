/**
 * PullDynamicScheduleUpdate (2.1, K28): a station asks for the limits of a dynamic profile that it was given from here. It is told those
 * that were told last, where load control would let them pass now; else why not.
 */
import type {
  PullDynamicScheduleUpdateRequest,
  PullDynamicScheduleUpdateResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { NOTHING } from '../../site-state.ts'
import { dynamicProfilesOf } from '../../station/dynamic-profiles.ts'
import type { Decision, HandlerContext } from '../handler.ts'

/** Longest `additionalInfo`. */
const MAX_INFO_CHARS = 1_024

export function dynamicScheduleUpdate(
  { state, stationId, refusalOf }: HandlerContext,
  { chargingProfileId }: PullDynamicScheduleUpdateRequest,
): Decision<PullDynamicScheduleUpdateResponse> {
  const known = dynamicProfilesOf(state, stationId).find(({ id }) => id === chargingProfileId)
  if (!known) return rejected('InvalidProfileId', 'no dynamic profile of that id was set from here')
  const payload = { chargingProfileId, scheduleUpdate: { ...known.update } }
  const refusal = refusalOf({ action: 'UpdateDynamicSchedule', payload })
  if (refusal) return rejected('LoadManagement', refusal.reason)
  return { reply: { status: 'Accepted', scheduleUpdate: known.update }, outcome: NOTHING }
}

function rejected(reasonCode: string, info: string): Decision<PullDynamicScheduleUpdateResponse> {
  const statusInfo = { reasonCode, additionalInfo: info.slice(0, MAX_INFO_CHARS) }
  return { reply: { status: 'Rejected', statusInfo }, outcome: NOTHING }
}
