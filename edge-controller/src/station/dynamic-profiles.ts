/**
 * Dynamic charging profiles (2.1, K28) that a station has taken from here, one entity for each station: what they are for, and the limits
 * or setpoints that were told last, which it may pull. Pure.
 */
import type {
  ChargingProfileType,
  ClearChargingProfileRequest,
  SetChargingProfileRequest,
  UpdateDynamicScheduleRequest,
} from '@switchyard/protocol/ocpp/v21.ts'
import type { Draft, StateReader } from '../draft.ts'

export const DYNAMIC_PROFILES_KIND = 'dynamic-profiles'

/** Kept of one station; of more, the one that was set first is forgotten: it is not updated any more at a site with a limit. */
export const MAX_DYNAMIC_PROFILES = 64

export interface DynamicProfile {
  id: number
  /** 0: the station. */
  evseId: number
  purpose: string
  /** Told last. */
  update: Readonly<Partial<Record<UpdateField, number>>>
}

export function dynamicProfilesOf(state: StateReader, stationId: string): readonly DynamicProfile[] {
  return state.get<DynamicProfile[]>(DYNAMIC_PROFILES_KIND, stationId) ?? []
}

/** What a station's answer to a call changes of it; undefined: nothing. */
export function dynamicProfilesAfter(
  known: readonly DynamicProfile[],
  { action, payload, status }: { action: string; payload: unknown; status: string | undefined },
): readonly DynamicProfile[] | undefined {
  if (status !== 'Accepted') return undefined
  switch (action) {
    case 'SetChargingProfile':
      return afterSet(known, payload as SetChargingProfileRequest)
    case 'ClearChargingProfile':
      return afterClear(known, payload as ClearChargingProfileRequest)
    case 'UpdateDynamicSchedule': {
      const { chargingProfileId, scheduleUpdate } = payload as UpdateDynamicScheduleRequest
      if (!known.some(({ id }) => id === chargingProfileId)) return undefined
      return known.map((it) =>
        it.id === chargingProfileId ? { ...it, update: fieldsOf(scheduleUpdate) } : it,
      )
    }
    default:
      return undefined
  }
}

export function keepDynamicProfiles(
  draft: Draft,
  stationId: string,
  profiles: readonly DynamicProfile[],
): void {
  if (profiles.length > 0) draft.put(DYNAMIC_PROFILES_KIND, stationId, profiles)
  else if (draft.get(DYNAMIC_PROFILES_KIND, stationId) !== undefined)
    draft.remove(DYNAMIC_PROFILES_KIND, stationId)
}

/** One of the same id before it is replaced, also by one that is not dynamic; a message of 1.6 has no such profile. */
function afterSet(
  known: readonly DynamicProfile[],
  { evseId, chargingProfile }: Partial<SetChargingProfileRequest>,
): readonly DynamicProfile[] | undefined {
  if (!chargingProfile) return undefined
  const { id, chargingProfilePurpose: purpose, chargingProfileKind } = chargingProfile
  const others = known.filter((it) => it.id !== id)
  if (chargingProfileKind !== 'Dynamic') return others.length < known.length ? others : undefined
  const set = { id, evseId: evseId ?? 0, purpose, update: fieldsOf(firstPeriod(chargingProfile)) }
  return [...others, set].slice(-MAX_DYNAMIC_PROFILES)
}

/** Where it is not said which, those are forgotten that may be meant. */
function afterClear(
  known: readonly DynamicProfile[],
  { chargingProfileId, chargingProfileCriteria }: Partial<ClearChargingProfileRequest>,
): readonly DynamicProfile[] | undefined {
  const { evseId, chargingProfilePurpose } = chargingProfileCriteria ?? {}
  const left = known.filter((it) => {
    if (chargingProfileId !== undefined) return it.id !== chargingProfileId
    const isEvse = evseId === undefined || evseId === it.evseId
    return !(isEvse && (chargingProfilePurpose === undefined || chargingProfilePurpose === it.purpose))
  })
  return left.length < known.length ? left : undefined
}

/** A dynamic profile has one (K28). */
function firstPeriod({ chargingSchedule }: ChargingProfileType): object {
  return chargingSchedule[0]?.chargingSchedulePeriod[0] ?? {}
}

/** Of ChargingScheduleUpdateType. */
const FIELDS = [
  'limit',
  'limit_L2',
  'limit_L3',
  'dischargeLimit',
  'dischargeLimit_L2',
  'dischargeLimit_L3',
  'setpoint',
  'setpoint_L2',
  'setpoint_L3',
  'setpointReactive',
  'setpointReactive_L2',
  'setpointReactive_L3',
] as const

type UpdateField = (typeof FIELDS)[number]

function fieldsOf(period: object): DynamicProfile['update'] {
  return Object.fromEntries(Object.entries(period).filter(([name]) => FIELDS.some((it) => it === name)))
}
