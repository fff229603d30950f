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
