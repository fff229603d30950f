/** What one meter reading says, version-neutral: register, power, current per phase, state of charge. */
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
import {
  currentToMa,
  decimalToInteger,
  energyToMilliWh,
  MAX_AMOUNT,
  MAX_REGISTER_MILLI_WH,
  powerToW,
} from '@switchyard/protocol/units.ts'
import { EARLIEST_MS } from './timing.ts'

/** All that a station sampled at one instant. */
export interface Reading {
  /** The station's timestamp, ms since the epoch. */
  atMs: number
  values: SampledValue[]
}

/** What a value without a measurand is (1.6 section 7.43; 2.x SampledValueType). */
const DEFAULT_MEASURAND = 'Energy.Active.Import.Register'
const PHASES: Partial<Record<string, number>> = { L1: 0, L2: 1, L3: 2, 'L1-N': 0, 'L2-N': 1, 'L3-N': 2 }

/** Values of a measurand at the outlet; those at the inlet only where the outlet has none. Never those of the car. */
function valuesOf(values: readonly SampledValue[], measurand: string): SampledValue[] {
  const atOutlet: SampledValue[] = []
  const atInlet: SampledValue[] = []
  for (const value of values) {
    if ((value.measurand || DEFAULT_MEASURAND) !== measurand) continue
    if (value.location === undefined || value.location === 'Outlet') atOutlet.push(value)
    else if (value.location === 'Inlet') atInlet.push(value)
  }
  return atOutlet.length > 0 ? atOutlet : atInlet
}

/** `L1` and `L1-N` -> 0, and so on; undefined for a total, a neutral or a line-to-line value. */
function phaseIndex(phase: string | undefined): number | undefined {
  return phase === undefined || !Object.hasOwn(PHASES, phase) ? undefined : PHASES[phase]
}

/** The total if it is given, else the sum of the phases; undefined where nothing can be read. */
function totalOf(
  values: readonly SampledValue[],
  read: (value: SampledValue) => number | undefined,
): number | undefined {
  for (const value of values) {
    const total = value.phase === undefined ? read(value) : undefined
    if (total !== undefined) return total
  }
  let sum: number | undefined
  for (const value of values) {
    if (phaseIndex(value.phase) === undefined) continue
    const amount = read(value)
    if (amount !== undefined) sum = (sum ?? 0) + amount
  }
  return sum
}

/** Context of the register at a session's start; some stations repeat it beside the present one. */
const BEGIN = 'Transaction.Begin'

/** Energy.Active.Import.Register in milli-Wh; undefined if the reading has none. Signed values are kept, not read here. */
export function registerOf(values: readonly SampledValue[]): number | undefined {
  const raw = valuesOf(values, DEFAULT_MEASURAND).filter((v) => v.value !== '')
  const present = raw.filter((v) => v.context !== BEGIN)
  return asRegister(
    totalOf(present.length > 0 ? present : raw, (v) => energyToMilliWh(v.value, v.unit, v.multiplier)),
  )
}

/** A register in whole Wh, as 1.6 tells it at start and stop; undefined for one that no meter can show. */
export function registerFromWh(wh: number): number | undefined {
  return asRegister(wh * 1000)
}

/** A meter of imported energy never shows less than nothing: stations send -1 for "unknown". */
function asRegister(milliWh: number | undefined): number | undefined {
  return Number.isSafeInteger(milliWh) && milliWh! >= 0 && milliWh! <= MAX_REGISTER_MILLI_WH
    ? milliWh
    : undefined
}

/** The register at the start that an event tells: marked as such, else (`isStart`) its first one. */
export function startRegisterOf(readings: readonly Reading[], isStart: boolean): number | undefined {
  return (firstRegister(readings, BEGIN) ?? (isStart ? firstRegister(readings) : undefined))?.milliWh
}

/** The register at the end that an event tells: marked as such, else its last one that is not the start's. */
export function endRegisterOf(readings: readonly Reading[]): number | undefined {
  const others = readings.map((r) => ({ ...r, values: r.values.filter((v) => v.context !== BEGIN) }))
  return (lastRegister(readings, 'Transaction.End') ?? lastRegister(others))?.milliWh
}

/** Power.Active.Import in W. */
export function powerOf(values: readonly SampledValue[]): number | undefined {
  const total = totalOf(valuesOf(values, 'Power.Active.Import'), (v) =>
    powerToW(v.value, v.unit, v.multiplier),
  )
  return total !== undefined && Math.abs(total) <= MAX_AMOUNT ? total : undefined
}

/** Current.Import per phase, mA: L1, L2, L3 where phases are named, else the one value. */
export function currentOf(values: readonly SampledValue[]): number[] | undefined {
  const currents = valuesOf(values, 'Current.Import')
  const perPhase: number[] = []
  let total: number | undefined
  for (const value of currents) {
    const ma = currentToMa(value.value, value.unit, value.multiplier)
    if (ma === undefined) continue
    const index = phaseIndex(value.phase)
    if (index !== undefined) perPhase[index] = ma
    else if (value.phase === undefined) total ??= ma
  }
  for (let i = 0; i < perPhase.length; i++) perPhase[i] ??= 0
  if (perPhase.length > 0) return perPhase
  return total === undefined ? undefined : [total]
}

/** State of charge, whole percent. */
export function socOf(values: readonly SampledValue[]): number | undefined {
  const soc = values.find((v) => v.measurand === 'SoC')
  const percent = soc && decimalToInteger(soc.value, soc.multiplier ?? 0)
  return percent !== undefined && percent >= 0 && percent <= 100 ? percent : undefined
}

/** Bytes of JSON text that the values of one reading may have in a fact; those beyond it are left out, the first ones stay. */
const VALUES_MAX_BYTES = 48 * 1024
/** Characters up to which values cannot exceed that bound, however they are escaped. */
const SURELY_WITHIN_CHARS = VALUES_MAX_BYTES / 6 / 2
/** What a value has beside the texts that are counted, at most. */
const OTHER_CHARS = 200

/** The values as they go into a fact: a message is never refused for the length of its readings. */
export function keptValues(values: SampledValue[]): SampledValue[] {
  let chars = 0
  for (const { value, signed } of values)
    chars += value.length + OTHER_CHARS + (signed === undefined ? 0 : JSON.stringify(signed).length)
  if (chars <= SURELY_WITHIN_CHARS) return values
  let room = VALUES_MAX_BYTES
  return values.filter((value) => {
    room -= Buffer.byteLength(JSON.stringify(value)) + 1
    return room >= 0
  })
}

/** Readings from `startedAtMs` on, and those before it; an unset clock (1970) says nothing about before. */
export function since(
  startedAtMs: number,
  readings: readonly Reading[],
): [after: Reading[], before: Reading[]] {
  const isBefore = ({ atMs }: Reading) => atMs < startedAtMs && atMs > EARLIEST_MS
  return [readings.filter((r) => !isBefore(r)), readings.filter(isBefore)]
}

/** The register of the newest reading that has one; with a context, of the newest one with that context. */
export function lastRegister(
  readings: readonly Reading[],
  context?: string,
): { atMs: number; milliWh: number } | undefined {
  let newest: { atMs: number; milliWh: number } | undefined
  for (const reading of readings) {
    const values = context ? reading.values.filter((v) => v.context === context) : reading.values
    const milliWh = registerOf(values)
    if (milliWh !== undefined && (newest === undefined || reading.atMs >= newest.atMs))
      newest = { atMs: reading.atMs, milliWh }
  }
  return newest
}

/** The register of the oldest reading that has one; with a context, of the oldest one with that context. */
export function firstRegister(
  readings: readonly Reading[],
  context?: string,
): { atMs: number; milliWh: number } | undefined {
  let oldest: { atMs: number; milliWh: number } | undefined
  for (const reading of readings) {
    const values = context ? reading.values.filter((v) => v.context === context) : reading.values
    const milliWh = registerOf(values)
    if (milliWh !== undefined && (oldest === undefined || reading.atMs < oldest.atMs))
      oldest = { atMs: reading.atMs, milliWh }
  }
  return oldest
}
