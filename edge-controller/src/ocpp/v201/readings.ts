/** 2.0.1 meter values as version-neutral readings. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { MeterValueType, SampledValueType } from '@switchyard/protocol/ocpp/v201.ts'
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
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
    value: String(v.value),
    ...(unit === undefined ? {} : { unit }),
    ...(multiplier === undefined ? {} : { multiplier }),
    ...(v.phase === undefined ? {} : { phase: v.phase }),
    ...(v.location === undefined ? {} : { location: v.location }),
    ...(v.context === undefined ? {} : { context: v.context }),
    ...(v.signedMeterValue === undefined ? {} : { signed: v.signedMeterValue as unknown as Json }),
  }
}
