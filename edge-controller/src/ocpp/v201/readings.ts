/** 2.0.1 meter values as version-neutral readings. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { MeterValueType, SampledValueType } from '@switchyard/protocol/ocpp/v201.ts'
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
import { MAX_POWER_OF_TEN } from '@switchyard/protocol/units.ts'
import type { Reading } from '../../session/reading.ts'

export function readingsOf(meterValues: readonly MeterValueType[] | undefined): Reading[] {
  return (meterValues ?? []).map((m) => ({
    // The schema has checked that it is a date-time.
    atMs: parseInstant(m.timestamp) ?? 0,
    values: m.sampledValue.map(sampledValueOf),
  }))
}

function sampledValueOf(v: SampledValueType): SampledValue {
  const { unit, multiplier } = v.unitOfMeasure ?? {}
  return {
    measurand: v.measurand ?? 'Energy.Active.Import.Register',
    ...scaled(v.value, multiplier),
    ...(unit === undefined ? {} : { unit }),
    ...(v.phase === undefined ? {} : { phase: v.phase }),
    ...(v.location === undefined ? {} : { location: v.location }),
    ...(v.context === undefined ? {} : { context: v.context }),
    ...(v.signedMeterValue === undefined ? {} : { signed: v.signedMeterValue as unknown as Json }),
  }
}

/** A power of ten that no unit has goes into the text, where nothing will read it as a number. */
function scaled(value: number, multiplier: number | undefined): Pick<SampledValue, 'value' | 'multiplier'> {
  if (multiplier === undefined) return { value: String(value) }
  return Math.abs(multiplier) <= MAX_POWER_OF_TEN
    ? { value: String(value), multiplier }
    : { value: `${value}e${multiplier}` }
}
