/** 1.6 meter values as version-neutral readings (section 7.33, 7.43). */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { MeterValue, SampledValue as SampledValue16 } from '@switchyard/protocol/ocpp/v16.ts'
import type { SampledValue } from '@switchyard/protocol/site/fact.ts'
import type { Reading } from '../../session/reading.ts'

export function readingsOf(meterValues: readonly MeterValue[]): Reading[] {
  return meterValues.map((m) => {
    // Pushed, not mapped: V8 makes JSON of an array from `map` by its slow path, a twentieth of a message's CPU (measured).
    const values: SampledValue[] = []
    for (const value of m.sampledValue) values.push(sampledValueOf(value))
    // The schema has checked that it is a date-time.
    return { atMs: parseInstant(m.timestamp) ?? 0, values }
  })
}

/** Assigned field by field: this runs for every value of every reading, where spreading is dear (measured). */
function sampledValueOf(v: SampledValue16): SampledValue {
  const isSigned = v.format === 'SignedData'
  const read: SampledValue = {
    measurand: v.measurand ?? 'Energy.Active.Import.Register',
    value: isSigned ? '' : v.value,
  }
  if (v.unit !== undefined) read.unit = v.unit
  if (v.phase !== undefined) read.phase = v.phase
  if (v.location !== undefined) read.location = v.location
  if (v.context !== undefined) read.context = v.context
  if (isSigned) read.signed = v.value
  return read
}
