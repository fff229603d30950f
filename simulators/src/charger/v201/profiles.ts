/** Charging profiles of OCPP 2.0.1 in the station's own words, and back. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type * as v201 from '@switchyard/protocol/ocpp/v201.ts'
import { decimalToInteger } from '@switchyard/protocol/units.ts'
import type { Profile, Purpose } from '../limits/profile.ts'

/** External constraints come from elsewhere than the CSMS, and cannot be set by it (K01.FR.22). */
const PURPOSES: Readonly<Record<v201.ChargingProfilePurposeEnumType, Purpose | undefined>> = {
  ChargingStationExternalConstraints: undefined,
  ChargingStationMaxProfile: 'StationMax',
  TxDefaultProfile: 'TxDefault',
  TxProfile: 'Tx',
}

export function readPurpose(purpose: v201.ChargingProfilePurposeEnumType): Purpose | undefined {
  return PURPOSES[purpose]
}

/** Reads a schema-valid profile; a text says why the station cannot take it. */
export function readProfile(profile: v201.ChargingProfileType): Profile | string {
  const purpose = readPurpose(profile.chargingProfilePurpose)
  const [schedule, second] = profile.chargingSchedule
  if (!purpose) return `${profile.chargingProfilePurpose} cannot be set by the CSMS`
  // Alternatives are for ISO 15118 cars, which choose among them (K15).
  if (!schedule || second) return 'exactly one schedule is taken'
  const validFromMs = profile.validFrom === undefined ? undefined : parseInstant(profile.validFrom)
  const validToMs = profile.validTo === undefined ? undefined : parseInstant(profile.validTo)
  const startMs = schedule.startSchedule === undefined ? undefined : parseInstant(schedule.startSchedule)
  if (profile.chargingProfileKind !== 'Relative' && startMs === undefined) {
    return `a schedule that is ${profile.chargingProfileKind} needs a start`
  }
  if (purpose === 'Tx' && profile.transactionId === '') return 'a TxProfile needs a transaction'
  return {
    id: profile.id,
    stackLevel: profile.stackLevel,
    purpose,
    kind: profile.chargingProfileKind,
    ...(profile.recurrencyKind === undefined ? {} : { recurrency: profile.recurrencyKind }),
    ...(validFromMs === undefined ? {} : { validFromMs }),
    ...(validToMs === undefined ? {} : { validToMs }),
    ...(profile.transactionId === undefined ? {} : { transactionId: profile.transactionId }),
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

const NAMES: Readonly<Record<Purpose, v201.ChargingProfilePurposeEnumType>> = {
  StationMax: 'ChargingStationMaxProfile',
  TxDefault: 'TxDefaultProfile',
  Tx: 'TxProfile',
}

/** The profile as ReportChargingProfiles tells it; its schedule's id is its own. */
export function writeProfile(profile: Profile): v201.ChargingProfileType {
  const { schedule, recurrency, validFromMs, validToMs, transactionId } = profile
  return {
    id: profile.id,
    stackLevel: profile.stackLevel,
    chargingProfilePurpose: NAMES[profile.purpose],
    chargingProfileKind: profile.kind,
    ...(recurrency === undefined ? {} : { recurrencyKind: recurrency }),
    ...(validFromMs === undefined ? {} : { validFrom: instant(validFromMs) }),
    ...(validToMs === undefined ? {} : { validTo: instant(validToMs) }),
    ...(transactionId === undefined ? {} : { transactionId }),
    chargingSchedule: [
      {
        id: profile.id,
        chargingRateUnit: schedule.unit,
        ...(schedule.startMs === undefined ? {} : { startSchedule: instant(schedule.startMs) }),
        ...(schedule.durationMs === undefined ? {} : { duration: schedule.durationMs / 1000 }),
        chargingSchedulePeriod: schedule.periods.map((period) => ({
          startPeriod: period.startMs / 1000,
          limit: period.limit / 1000,
          ...(period.phases === undefined ? {} : { numberPhases: period.phases }),
        })),
      },
    ],
  }
}
