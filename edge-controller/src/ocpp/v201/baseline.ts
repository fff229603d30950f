/**
 * The metering baseline of a 2.0.1 station (use cases B05, B06, J02): set, then read back. One variable a call, so that a
 * station with small messages (ItemsPerMessage 1) takes it too.
 */
import type { GetVariablesResponse, SetVariablesResponse } from '@switchyard/protocol/ocpp/v201.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Call } from '../calls.ts'
import type { BaselineWish } from '../module.ts'
import { CLOCK_ALIGNED_S, SAMPLED_MEASURANDS } from '../v16/baseline.ts'

type Settings = FactData<'station.settings'>

const REGISTER_ONLY = SAMPLED_MEASURANDS[0]!

/** Wishes in order; a list of values is offered until the station takes one. */
function wishes(wish: BaselineWish): [component: string, variable: string, values: string[]][] {
  const sampled = [SAMPLED_MEASURANDS, SAMPLED_MEASURANDS.slice(0, 3), [REGISTER_ONLY]].map((m) =>
    m.join(','),
  )
  return [
    ['SampledDataCtrlr', 'TxStartedMeasurands', [REGISTER_ONLY]],
    ['SampledDataCtrlr', 'TxUpdatedMeasurands', sampled],
    ['SampledDataCtrlr', 'TxUpdatedInterval', [String(wish.meterIntervalS)]],
    ['SampledDataCtrlr', 'TxEndedMeasurands', [REGISTER_ONLY]],
    ['AlignedDataCtrlr', 'Measurands', [REGISTER_ONLY]],
    ['AlignedDataCtrlr', 'Interval', [String(CLOCK_ALIGNED_S)]],
    ['OCPPCommCtrlr', 'WebSocketPingInterval', [String(wish.pingIntervalS)]],
    ['TxCtrlr', 'StopTxOnInvalidId', ['true']],
    ['TxCtrlr', 'StopTxOnEVSideDisconnect', ['true']],
  ]
}

export async function setBaseline(call: Call, wish: BaselineWish): Promise<Settings> {
  const applied: Settings['applied'] = []
  const deviations: Settings['deviations'] = []
  for (const [component, variable, values] of wishes(wish)) {
    const name = `${component}.${variable}`
    let value: string | undefined
    let refused = ''
    for (const offered of values) {
      refused = await set(call, component, variable, offered)
      if (refused === 'Accepted' || refused === 'RebootRequired') value = offered
      // Another value helps only where the value was refused.
      if (value !== undefined || refused !== 'Rejected') break
    }
    if (value === undefined) {
      deviations.push({ name, wanted: values[0]!, reason: refused })
      continue
    }
    const found = await read(call, component, variable)
    if (found !== undefined && sorted(found) === sorted(value)) applied.push({ name, value })
    else {
      const reason =
        found === undefined ? 'accepted, but cannot be read back' : 'accepted, but reads otherwise'
      deviations.push({ name, wanted: value, ...(found === undefined ? {} : { found }), reason })
    }
  }
  return { applied, deviations }
}

/** The status of the attribute, or why there is none. */
async function set(call: Call, component: string, variable: string, value: string): Promise<string> {
  const outcome = await call('SetVariables', {
    setVariableData: [
      { component: { name: component }, variable: { name: variable }, attributeValue: value },
    ],
  })
  if (outcome.status === 'failed') return outcome.code
  if (outcome.status !== 'answered') return outcome.reason
  const results = (outcome.payload as Partial<SetVariablesResponse> | null)?.setVariableResult
  const status: unknown = results?.[0]?.attributeStatus
  return typeof status === 'string' ? status : 'no status'
}

async function read(call: Call, component: string, variable: string): Promise<string | undefined> {
  const outcome = await call('GetVariables', {
    getVariableData: [{ component: { name: component }, variable: { name: variable } }],
  })
  if (outcome.status !== 'answered') return undefined
  const results = (outcome.payload as Partial<GetVariablesResponse> | null)?.getVariableResult
  // What it answers has passed no schema.
  const value: unknown = results?.[0]?.attributeValue
  return typeof value === 'string' ? value : undefined
}

/** Stations order lists and write booleans as they like. */
function sorted(list: string): string {
  return list
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join(',')
}
