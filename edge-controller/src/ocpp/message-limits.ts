/** How many items a station takes in one message, as far as it has told: learnt from what it reports, never asked for. */

/** The variables of 2.x that say so (2.0.1 Part 2, appendix 3: ItemsPerMessage), and the action that each is for. */
const VARIABLES: Record<string, string> = {
  'DeviceDataCtrlr.ItemsPerMessage[GetVariables]': 'GetVariables',
  'DeviceDataCtrlr.ItemsPerMessage[SetVariables]': 'SetVariables',
  'LocalAuthListCtrlr.ItemsPerMessage': 'SendLocalList',
  'MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]': 'SetVariableMonitoring',
  'MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]': 'ClearVariableMonitoring',
}
/** The keys of 1.6 (sections 9.1.8 and 9.3.3). */
const KEYS: Record<string, string> = {
  GetConfigurationMaxKeys: 'GetConfiguration',
  SendLocalListMaxLength: 'SendLocalList',
}

interface Said {
  component?: { name?: unknown; instance?: unknown }
  variable?: { name?: unknown; instance?: unknown }
  attributeValue?: unknown
  variableAttribute?: { type?: unknown; value?: unknown }[]
  key?: unknown
  value?: unknown
}

export class MessageLimits {
  readonly #limits = new Map<string, number>()

  of(action: string): number | undefined {
    return this.#limits.get(action)
  }

  /** Reads a reply or a report of the station, which may hold anything. */
  learn(payload: unknown): void {
    if (typeof payload !== 'object' || payload === null) return
    const { getVariableResult, reportData, configurationKey } = payload as Record<string, unknown>
    for (const list of [getVariableResult, reportData, configurationKey])
      if (Array.isArray(list)) for (const said of list) this.#learnOne(said)
  }

  #learnOne(said: Said | null): void {
    if (typeof said !== 'object' || said === null) return
    const { component, variable, attributeValue, variableAttribute, key, value } = said
    const instance = typeof variable?.instance === 'string' ? `[${variable.instance}]` : ''
    const action = own(KEYS, key) ?? own(VARIABLES, `${component?.name}.${variable?.name}${instance}`)
    if (action === undefined) return
    const attributes = Array.isArray(variableAttribute) ? variableAttribute : []
    const actual = attributes.find((it) => it?.type === undefined || it.type === 'Actual')?.value
    const most = Number(value ?? attributeValue ?? actual)
    if (Number.isSafeInteger(most) && most > 0) this.#limits.set(action, most)
  }
}

function own(table: Record<string, string>, name: unknown): string | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined
}
