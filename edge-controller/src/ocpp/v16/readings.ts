/** 1.6 meter values as version-neutral readings (section 7.33, 7.43). */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { MeterValue, SampledValue as SampledValue16 } from '@switchyard/protocol/ocpp/v16.ts'
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
import type { Reading } from '../../session/reading.ts'

export function readingsOf(meterValues: readonly MeterValue[]): Reading[] {
  return meterValues.map((m) => ({
    // The schema has checked that it is a date-time.
    atMs: parseInstant(m.timestamp) ?? 0,
    values: m.sampledValue.map(sampledValueOf),
  }))
}

function sampledValueOf(v: SampledValue16): SampledValue {
  const isSigned = v.format === 'SignedData'
  return {
    measurand: v.measurand ?? 'Energy.Active.Import.Register',
    value: isSigned ? '' : v.value,
    ...(v.unit === undefined ? {} : { unit: v.unit }),
    ...(v.phase === undefined ? {} : { phase: v.phase }),
    ...(v.location === undefined ? {} : { location: v.location }),
    ...(v.context === undefined ? {} : { context: v.context }),
    ...(isSigned ? { signed: v.value } : {}),
  }
}
