/**
 * Calls that would go round load control, whether raw or of a typed command. Where a site has a limit, profiles of sessions are
 * load control's own; a profile for the whole station may only lower what those allow, so it passes. A site without a limit
 * passes everything, and load control says in the log that it has none. What a vendor's own message (DataTransfer) or own key does nobody here can
 * know: those pass, and what they bring about is measured.
 */
import { decimalToInteger } from '@switchyard/protocol/units.ts'
import type { OutgoingCall } from '../ocpp/module.ts'
import { isReservedProfileId } from './profile-ids.ts'
import { VOLTS } from './rate.ts'

export interface Refusal {
  reason: string
  evseId: number
  /** The first limit that was asked for; 0 where the call names none. */
  wantedMa: number
}

/** Purposes that can only lower the limit of a session (1.6 section 3.13.1; 2.x use case K01). */
const TIGHTENING = ['ChargePointMaxProfile', 'ChargingStationMaxProfile']
/** Parts of the names of keys, components and variables by which profiles are kept or heeded (1.6 section 9.4; 2.x SmartChargingCtrlr, V2XChargingCtrlr). */
const OF_PROFILES = /smartcharging|v2xcharging|charg(e|ing)profile|chargingschedule|connectorswitch3to1/i
const SETTINGS_REASON = 'smart charging settings belong to load control on a site with a limit'

interface Profile {
  chargingProfileId?: number
  id?: number
  chargingProfilePurpose?: string
  chargingSchedule?: Schedule | Schedule[]
}
interface Schedule {
  chargingRateUnit?: string
  chargingSchedulePeriod?: { limit?: number }[]
}
interface Payload {
  connectorId?: number
  evseId?: number
  csChargingProfiles?: Profile
  chargingProfile?: Profile
  id?: number
  chargingProfileId?: number
  chargingProfilePurpose?: string
  chargingProfileCriteria?: { chargingProfilePurpose?: string }
  setVariableData?: { component?: { name?: string }; variable?: { name?: string } }[]
  key?: string
  activate?: boolean
  scheduleUpdate?: object
  controlType?: string
}

/**
 * Why a schema-valid call does not pass on a site with a limit; undefined when it does. `dynamic`: the dynamic profiles that the station is
 * known to have.
 */
export function refusalOf(
  call: OutgoingCall,
  dynamic: readonly { id: number; purpose: string }[] = [],
): Refusal | undefined {
  const payload = call.payload as Payload
  const profile = payload.csChargingProfiles ?? payload.chargingProfile
  const refuse = (reason: string): Refusal => ({
    reason,
    evseId: asNumber(payload.evseId ?? payload.connectorId),
    wantedMa: wantedMa(profile),
  })
  switch (call.action) {
    case 'SetChargingProfile': {
      const id = profile?.chargingProfileId ?? profile?.id ?? 0
      if (isReservedProfileId(id)) return refuse(`profile id ${id} is reserved for load control`)
      if (TIGHTENING.includes(profile?.chargingProfilePurpose ?? '')) return undefined
      return refuse('profiles of sessions are set by load control on a site with a limit')
    }
    case 'RemoteStartTransaction':
    case 'RequestStartTransaction':
      return profile
        ? refuse('the profile of a session is set by load control on a site with a limit')
        : undefined
    case 'ClearChargingProfile': {
      const id = payload.id ?? payload.chargingProfileId
      const criteria = payload.chargingProfileCriteria
      if (id !== undefined && isReservedProfileId(id))
        return refuse('this would clear the limits of load control')
      if (id !== undefined && criteria === undefined) return undefined
      const purpose = payload.chargingProfilePurpose ?? criteria?.chargingProfilePurpose
      if (TIGHTENING.includes(purpose ?? '')) return undefined
      return refuse('this would clear the limits of load control')
    }
    case 'ChangeConfiguration':
      return isOfProfiles(payload.key) ? refuse(SETTINGS_REASON) : undefined
    case 'SetVariables':
      return payload.setVariableData?.some(
        ({ component, variable }) => isOfProfiles(component?.name) || isOfProfiles(variable?.name),
      )
        ? refuse(SETTINGS_REASON)
        : undefined
    // 2.1 (K28). One for the whole station can only lower, as when it was set; a setpoint moves power by itself.
    case 'UpdateDynamicSchedule':
      if (isLowering(payload, dynamic)) return undefined
      return refuse('limits of profiles are told by load control on a site with a limit')
    // Priority overrules the limits of the session (K23); its end gives them back.
    case 'UsePriorityCharging':
      return payload.activate === false
        ? undefined
        : refuse('priority would overrule the limit of the session on a site with a limit')
    // Both move the power of a session by themselves, upwards too (Q and R use cases).
    case 'AFRRSignal':
      return refuse('power follows the grid only within limits that load control does not keep yet')
    case 'SetDERControl':
      return payload.controlType === 'LimitMaxDischarge'
        ? undefined
        : refuse('power follows the grid only within limits that load control does not keep yet')
    default:
      return undefined
  }
}

function isLowering(
  { chargingProfileId, scheduleUpdate = {} }: Payload,
  dynamic: readonly { id: number; purpose: string }[],
): boolean {
  const profile = dynamic.find(({ id }) => id === chargingProfileId)
  const isLimitsAlone = Object.keys(scheduleUpdate).every((name) => /^limit(_L[23])?$/.test(name))
  return TIGHTENING.includes(profile?.purpose ?? '') && isLimitsAlone
}

function isOfProfiles(name: string | undefined): boolean {
  return name !== undefined && OF_PROFILES.test(name)
}

/** A fact holds safe integers only; the schemas of OCPP know no bound. */
function asNumber(id: number | undefined): number {
  return id !== undefined && Number.isSafeInteger(id) ? id : 0
}

function wantedMa(profile: Profile | undefined): number {
  const schedule = [profile?.chargingSchedule ?? []].flat()[0]
  const limit = schedule?.chargingSchedulePeriod?.[0]?.limit
  if (limit === undefined) return 0
  const ma = decimalToInteger(limit, 3) ?? 0
  return schedule?.chargingRateUnit === 'W' ? Math.round(ma / VOLTS) : ma
}
