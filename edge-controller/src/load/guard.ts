/**
 * Raw calls that would go round load control. Where a site has a limit, profiles of sessions are load control's own; a profile
 * for the whole station may only lower what those allow, so it passes.
 */
import { decimalToInteger } from '@switchyard/protocol/units.ts'
import type { OutgoingCall } from '../ocpp/module.ts'
import { isReservedProfileId } from './profile-ids.ts'

export interface Refusal {
  reason: string
  evseId: number
  /** The first limit that was asked for; 0 where the call names none. */
  wantedMa: number
}

/** Purposes that can only lower the limit of a session (1.6 section 3.13.1; 2.x use case K01). */
const TIGHTENING = ['ChargePointMaxProfile', 'ChargingStationMaxProfile']
/** Watts per ampere and phase at 0.9 of nominal voltage: the most amperes that a limit in watts can mean. */
const VOLTS = 207

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
  setVariableData?: { component?: { name?: string } }[]
}

/** Why a schema-valid call does not pass on a site with a limit; undefined when it does. */
export function refusalOf(call: OutgoingCall): Refusal | undefined {
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
      if (id !== undefined && !isReservedProfileId(id)) return undefined
      const purpose =
        payload.chargingProfilePurpose ?? payload.chargingProfileCriteria?.chargingProfilePurpose
      if (id === undefined && TIGHTENING.includes(purpose ?? '')) return undefined
      return refuse('this would clear the limits of load control')
    }
    case 'SetVariables':
      return payload.setVariableData?.some((v) => v.component?.name?.toLowerCase() === 'smartchargingctrlr')
        ? refuse('smart charging settings belong to load control on a site with a limit')
        : undefined
    default:
      return undefined
  }
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
