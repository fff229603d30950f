/** Charging profiles of OCPP 1.6 in the station's own words, and back. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type * as v16 from '@switchyard/protocol/ocpp/v16.ts'
import { decimalToInteger } from '@switchyard/protocol/units.ts'
import type { Profile, Purpose } from '../limits/profile.ts'

const PURPOSES: Readonly<Record<v16.ChargingProfile['chargingProfilePurpose'], Purpose>> = {
  ChargePointMaxProfile: 'StationMax',
  TxDefaultProfile: 'TxDefault',
  TxProfile: 'Tx',
}

export function readPurpose(purpose: v16.ChargingProfile['chargingProfilePurpose']): Purpose {
  return PURPOSES[purpose]
}

/** Reads a schema-valid profile. */
export function readProfile(profile: v16.ChargingProfile): Profile {
  const { chargingSchedule: schedule } = profile
  const validFromMs = profile.validFrom === undefined ? undefined : parseInstant(profile.validFrom)
  const validToMs = profile.validTo === undefined ? undefined : parseInstant(profile.validTo)
  const startMs = schedule.startSchedule === undefined ? undefined : parseInstant(schedule.startSchedule)
  return {
    id: profile.chargingProfileId,
    stackLevel: profile.stackLevel,
    purpose: PURPOSES[profile.chargingProfilePurpose],
    kind: profile.chargingProfileKind,
    ...(profile.recurrencyKind === undefined ? {} : { recurrency: profile.recurrencyKind }),
    ...(validFromMs === undefined ? {} : { validFromMs }),
    ...(validToMs === undefined ? {} : { validToMs }),
    ...(profile.transactionId === undefined ? {} : { transactionId: String(profile.transactionId) }),
    schedule: {
      unit: schedule.chargingRateUnit,
      ...(startMs === undefined ? {} : { startMs }),
      ...(schedule.duration === undefined ? {} : { durationMs: schedule.duration * 1000 }),
      periods: schedule.chargingSchedulePeriod.map((period) => ({
        startMs: period.startPeriod * 1000,
        // A limit too large for an integer of mA or mW limits nothing.
        limit: decimalToInteger(period.limit, 3) ?? Number.MAX_SAFE_INTEGER,
        ...(period.numberPhases === undefined ? {} : { phases: period.numberPhases }),
      })),
    },
  }
}
