/** Settings of a 1.6 station: configuration keys (sections 5.3, 5.8 and 9), and which of them the site needs to bill and to keep its limits. */
import { isSecretSetting } from '@switchyard/protocol/command/secrets.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { MAX_SETTING_CHARS } from '@switchyard/protocol/site/setting.ts'
import { statusOf } from '../module.ts'
import type { BaselineWish, SettingsWords } from '../settle-settings.ts'

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
/** Most keys that are kept of what one station tells. */
export const MAX_KEYS = 1_000
const MAX_KEY_CHARS = 220
/** Of ChangeConfiguration (section 6.9): CiString50 and CiString500. */
const KEY_CHARS = 50
const VALUE_CHARS = 500

export const settings: SettingsWords = {
  baseline,
  unfit({ name, value, evseId, connectorId, attributeType }) {
    if (name.length > KEY_CHARS) return `in OCPP 1.6 a key has at most ${KEY_CHARS} characters`
    if (value.length > VALUE_CHARS) return `in OCPP 1.6 a value has at most ${VALUE_CHARS} characters`
    if (evseId !== undefined || connectorId !== undefined)
      return 'in OCPP 1.6 a key holds for the whole station'
    return attributeType === undefined || attributeType === 'Actual'
      ? undefined
      : 'in OCPP 1.6 a key has one value'
  },
  itemsPerMessage: { read: Number.POSITIVE_INFINITY, set: 1 },
  read: (refs) => ({ action: 'GetConfiguration', payload: { key: refs.map(({ name }) => name) } }),
  valuesIn(reply, refs) {
    const keys = keysIn(reply)
    return refs.map(({ name }) => keys.find(({ key }) => key.toLowerCase() === name.toLowerCase())?.value)
  },
  set: (wanted) => ({
    action: 'ChangeConfiguration',
    payload: Object.assign({}, ...wanted.map(({ name, value }) => ({ key: name, value }))),
  }),
  statusesIn: (reply, refs) => refs.map(() => statusOf(reply) ?? 'no status'),
  all: { action: 'GetConfiguration', payload: {} },
  settingsIn: (reply) => keysIn(reply).slice(0, MAX_KEYS).map(asRead),
}

function baseline(wish: BaselineWish): { name: string; values: string[] }[] {
  const sampled = [SAMPLED_MEASURANDS, SAMPLED_MEASURANDS.slice(0, 3), [REGISTER_ONLY]]
  return [
    { name: 'MeterValuesSampledData', values: sampled.map((list) => list.join(',')) },
    { name: 'MeterValueSampleInterval', values: [String(wish.meterIntervalS)] },
    { name: 'MeterValuesAlignedData', values: [REGISTER_ONLY] },
    { name: 'ClockAlignedDataInterval', values: [String(CLOCK_ALIGNED_S)] },
    { name: 'WebSocketPingInterval', values: [String(wish.pingIntervalS)] },
    { name: 'StopTransactionOnInvalidId', values: ['true'] },
    { name: 'StopTransactionOnEVSideDisconnect', values: ['true'] },
  ]
}

interface Key {
  key: string
  value?: string
  readonly?: unknown
}

/** The keys that a station tells, as far as they are such. */
function keysIn(reply: unknown): Key[] {
  const keys = (reply as { configurationKey?: unknown } | null)?.configurationKey
  if (!Array.isArray(keys)) return []
  return keys
    .filter((it) => typeof it?.key === 'string')
    .map(({ key, value, readonly }) => ({ key, readonly, ...(typeof value === 'string' ? { value } : {}) }))
}

function asRead({ key, value, readonly }: Key): FactData<'station.settings-read'>['settings'][number] {
  return {
    name: key.slice(0, MAX_KEY_CHARS),
    ...(value === undefined || isSecretSetting(key) ? {} : { value: value.slice(0, MAX_SETTING_CHARS) }),
    ...(typeof readonly === 'boolean' ? { readonly } : {}),
  }
}
