/**
 * The metering baseline of a 1.6 station (section 9.1): what the site needs to bill and to keep its limits. Each key is set,
 * then all are read back: a station may accept and not apply.
 */
import type { ConfigurationKey } from '@switchyard/protocol/ocpp/v16.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Call } from '../calls.ts'
import { type BaselineWish, statusOf } from '../module.ts'

export const SAMPLED_MEASURANDS = [
  'Energy.Active.Import.Register',
  'Power.Active.Import',
  'Current.Import',
  'Voltage',
  'SoC',
]
const REGISTER_ONLY = SAMPLED_MEASURANDS[0]!
/** Registers at the quarter hour, where tariffs change. */
export const CLOCK_ALIGNED_S = 900

type Settings = FactData<'station.settings'>

/** Wishes in order; a list of values is offered until the station takes one. */
function wishes(wish: BaselineWish): [key: string, values: string[]][] {
  return [
    [
      'MeterValuesSampledData',
      [SAMPLED_MEASURANDS.join(','), SAMPLED_MEASURANDS.slice(0, 3).join(','), REGISTER_ONLY],
    ],
    ['MeterValueSampleInterval', [String(wish.meterIntervalS)]],
    ['MeterValuesAlignedData', [REGISTER_ONLY]],
    ['ClockAlignedDataInterval', [String(CLOCK_ALIGNED_S)]],
    ['WebSocketPingInterval', [String(wish.pingIntervalS)]],
    ['StopTransactionOnInvalidId', ['true']],
    ['StopTransactionOnEVSideDisconnect', ['true']],
  ]
}

export async function setBaseline(call: Call, wish: BaselineWish): Promise<Settings> {
  const applied: Settings['applied'] = []
  const deviations: Settings['deviations'] = []
  const set: { name: string; value: string }[] = []
  for (const [name, values] of wishes(wish)) {
    let refused = ''
    for (const value of values) {
      const outcome = await call('ChangeConfiguration', { key: name, value })
      refused = outcome.status === 'answered' ? (statusOf(outcome.payload) ?? 'no status') : describe(outcome)
      if (refused === 'Accepted' || refused === 'RebootRequired') {
        set.push({ name, value })
        refused = ''
        break
      }
      // Another value helps only where the value was refused.
      if (refused !== 'Rejected') break
    }
    if (refused !== '') deviations.push({ name, wanted: values[0]!, reason: refused })
  }
  if (set.length === 0) return { applied, deviations }

  const read = await call('GetConfiguration', { key: set.map(({ name }) => name) })
  const keys = read.status === 'answered' ? keysOf(read.payload) : undefined
  for (const { name, value } of set) {
    const found = keys?.find((k) => k.key === name)?.value
    if (found !== undefined && isSame(found, value)) applied.push({ name, value })
    else {
      const reason = keys ? 'accepted, but reads otherwise' : 'accepted, but cannot be read back'
      deviations.push({ name, wanted: value, ...(found === undefined ? {} : { found }), reason })
    }
  }
  return { applied, deviations }
}

/** The keys that a station tells, as far as they are such: what it answers has passed no schema. */
function keysOf(payload: unknown): ConfigurationKey[] {
  const keys = (payload as { configurationKey?: unknown } | null)?.configurationKey
  if (!Array.isArray(keys)) return []
  return keys.filter((k) => typeof k?.key === 'string' && typeof k.value === 'string')
}

/** Stations order lists and write booleans as they like. */
function isSame(found: string, wanted: string): boolean {
  const parts = (text: string) =>
    text
      .toLowerCase()
      .split(',')
      .map((part) => part.trim())
      .sort()
      .join(',')
  return parts(found) === parts(wanted)
}

function describe(outcome: { status: string; code?: string; reason?: string }): string {
  return outcome.code ?? outcome.reason ?? outcome.status
}
