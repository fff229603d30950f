/** What a station takes in one message and holds in its local list, as far as it has told: learnt from whatever it reports. */

/** Of a local list (1.6 section 9.1: LocalAuthList*; 2.x: LocalAuthListCtrlr). */
export interface ListLimits {
  /** Tokens that it holds; absent: it has not told. */
  most?: number
  /** It keeps none, or has it switched off. */
  isOff?: boolean
}

type Learn = (limits: StationLimits, said: Told) => void

/** A setting as a station tells it. */
interface Told {
  value: unknown
  maxLimit: unknown
}

/** The names by which a station says so: keys of 1.6 (sections 9.1.8, 9.2, 9.3.3), variables of 2.x (2.0.1 Part 2, appendix 3). */
const LEARNT: Record<string, Learn> = {
  GetConfigurationMaxKeys: items('GetConfiguration'),
  SendLocalListMaxLength: items('SendLocalList'),
  LocalAuthListMaxLength: (limits, { value }) => limits.holds(value),
  LocalAuthListEnabled: (limits, { value }) => limits.isListOn('', value),
  'DeviceDataCtrlr.ItemsPerMessage[GetVariables]': items('GetVariables'),
  'DeviceDataCtrlr.ItemsPerMessage[SetVariables]': items('SetVariables'),
  'DeviceDataCtrlr.BytesPerMessage[GetVariables]': bytes('GetVariables'),
  'DeviceDataCtrlr.BytesPerMessage[SetVariables]': bytes('SetVariables'),
  'LocalAuthListCtrlr.ItemsPerMessage': items('SendLocalList'),
  'LocalAuthListCtrlr.BytesPerMessage': bytes('SendLocalList'),
  // How many tokens there are now; how many there can be is a characteristic of it, which only a report tells.
  'LocalAuthListCtrlr.Entries': (limits, { maxLimit }) => limits.holds(maxLimit),
  'LocalAuthListCtrlr.Enabled': (limits, { value }) => limits.isListOn('Enabled', value),
  'LocalAuthListCtrlr.Available': (limits, { value }) => limits.isListOn('Available', value),
  'MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]': items('SetVariableMonitoring'),
  'MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]': items('ClearVariableMonitoring'),
  'MonitoringCtrlr.BytesPerMessage[SetVariableMonitoring]': bytes('SetVariableMonitoring'),
  'MonitoringCtrlr.BytesPerMessage[ClearVariableMonitoring]': bytes('ClearVariableMonitoring'),
}

function items(action: string): Learn {
  return (limits, { value }) => limits.takesItems(action, value)
}

function bytes(action: string): Learn {
  return (limits, { value }) => limits.takesBytes(action, value)
}

interface Said {
  component?: { name?: unknown; instance?: unknown }
  variable?: { name?: unknown; instance?: unknown }
  attributeValue?: unknown
  variableAttribute?: { type?: unknown; value?: unknown }[]
  variableCharacteristics?: { maxLimit?: unknown }
  key?: unknown
  value?: unknown
}

export class StationLimits {
  readonly #items = new Map<string, number>()
  readonly #bytes = new Map<string, number>()
  readonly #off = new Set<string>()
  #most: number | undefined

  /** Items in one message of the action; undefined: it has not told. */
  itemsOf(action: string): number | undefined {
    return this.#items.get(action)
  }

  /** Bytes of one message of the action. */
  bytesOf(action: string): number | undefined {
    return this.#bytes.get(action)
  }

  get list(): ListLimits {
    return {
      ...(this.#most === undefined ? {} : { most: this.#most }),
      ...(this.#off.size > 0 ? { isOff: true } : {}),
    }
  }

  /** Reads a reply or a report of the station, which may hold anything. */
  learn(payload: unknown): void {
    if (typeof payload !== 'object' || payload === null) return
    const { getVariableResult, reportData, configurationKey } = payload as Record<string, unknown>
    for (const list of [getVariableResult, reportData, configurationKey])
      if (Array.isArray(list)) for (const said of list) this.#learnOne(said)
  }

  takesItems(action: string, said: unknown): void {
    const most = atLeast(1, said)
    if (most !== undefined) this.#items.set(action, most)
  }

  takesBytes(action: string, said: unknown): void {
    const most = atLeast(1, said)
    if (most !== undefined) this.#bytes.set(action, most)
  }

  holds(said: unknown): void {
    this.#most = atLeast(0, said) ?? this.#most
  }

  isListOn(name: string, said: unknown): void {
    const word = String(said).toLowerCase()
    if (word === 'false') this.#off.add(name)
    else if (word === 'true') this.#off.delete(name)
  }

  #learnOne(said: Said | null): void {
    if (typeof said !== 'object' || said === null) return
    const { component, variable, attributeValue, variableAttribute, key, value } = said
    const instance = typeof variable?.instance === 'string' ? `[${variable.instance}]` : ''
    const learn = own(LEARNT, key) ?? own(LEARNT, `${component?.name}.${variable?.name}${instance}`)
    if (learn === undefined) return
    const attributes = Array.isArray(variableAttribute) ? variableAttribute : []
    const actual = attributes.find((it) => it?.type === undefined || it.type === 'Actual')?.value
    learn(this, {
      value: value ?? attributeValue ?? actual,
      maxLimit: said.variableCharacteristics?.maxLimit,
    })
  }
}

function atLeast(least: number, said: unknown): number | undefined {
  if (said === undefined || said === null || said === '') return undefined
  const number = Math.floor(Number(said))
  return Number.isSafeInteger(number) && number >= least ? number : undefined
}

function own(table: Record<string, Learn>, name: unknown): Learn | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined
}
