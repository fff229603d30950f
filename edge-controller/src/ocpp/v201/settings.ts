/** Settings of a 2.x station: variables of the device model (B05, B06), and which of them the site needs to bill and to keep its limits (J02). */
import { nameInReport, type SettingRef, settingKey } from '@switchyard/protocol/site/setting.ts'
import type { BaselineWish, SettingsWords } from '../settle-settings.ts'
import { CLOCK_ALIGNED_S, SAMPLED_MEASURANDS } from '../v16/settings.ts'
import { componentVariable, whyNoVariable } from './component-variable.ts'

const REGISTER_ONLY = SAMPLED_MEASURANDS[0]!

export const settings: SettingsWords = {
  baseline,
  unfit: whyNoVariable,
  // A station with small messages (ItemsPerMessage 1) takes it too.
  itemsPerMessage: { read: 1, set: 1 },
  read: (refs) => ({ action: 'GetVariables', payload: { getVariableData: refs.map(variable) } }),
  valuesIn(reply, refs) {
    const results = (reply as { getVariableResult?: unknown } | null)?.getVariableResult
    return inOrder(results, refs).map((it) => text(it?.attributeValue))
  },
  set: (wanted) => ({
    action: 'SetVariables',
    payload: { setVariableData: wanted.map((it) => ({ ...variable(it), attributeValue: it.value })) },
  }),
  statusesIn(reply, refs) {
    const results = (reply as { setVariableResult?: unknown } | null)?.setVariableResult
    return inOrder(results, refs).map((it) => text(it?.attributeStatus) ?? 'no status')
  },
}

function baseline(wish: BaselineWish): { name: string; values: string[] }[] {
  const sampled = [SAMPLED_MEASURANDS, SAMPLED_MEASURANDS.slice(0, 3), [REGISTER_ONLY]]
  return [
    { name: 'SampledDataCtrlr.TxStartedMeasurands', values: [REGISTER_ONLY] },
    { name: 'SampledDataCtrlr.TxUpdatedMeasurands', values: sampled.map((list) => list.join(',')) },
    { name: 'SampledDataCtrlr.TxUpdatedInterval', values: [String(wish.meterIntervalS)] },
    { name: 'SampledDataCtrlr.TxEndedMeasurands', values: [REGISTER_ONLY] },
    { name: 'AlignedDataCtrlr.Measurands', values: [REGISTER_ONLY] },
    { name: 'AlignedDataCtrlr.Interval', values: [String(CLOCK_ALIGNED_S)] },
    { name: 'OCPPCommCtrlr.WebSocketPingInterval', values: [String(wish.pingIntervalS)] },
    { name: 'TxCtrlr.StopTxOnInvalidId', values: ['true'] },
    { name: 'TxCtrlr.StopTxOnEVSideDisconnect', values: ['true'] },
  ]
}

function variable({ attributeType, ...ref }: SettingRef) {
  return { ...componentVariable(ref), ...(attributeType === undefined ? {} : { attributeType }) }
}

interface Result {
  component?: { evse?: { id?: number; connectorId?: number } }
  variable?: unknown
  attributeType?: SettingRef['attributeType']
  attributeStatus?: unknown
  attributeValue?: unknown
}

/** The result for each setting: by what it names, as stations need not keep the order; one that names nothing, by its place. */
function inOrder(results: unknown, refs: readonly SettingRef[]): (Result | undefined)[] {
  const list = (Array.isArray(results) ? results : []) as (Result | null)[]
  const byKey = new Map<string, Result>()
  for (const it of list) {
    const name = nameInReport(it?.component, it?.variable)
    if (!it || name === undefined) continue
    const { id: evseId, connectorId } = it.component?.evse ?? {}
    byKey.set(settingKey({ name, evseId, connectorId, attributeType: it.attributeType }), it)
  }
  return refs.map((ref, index) => {
    const there = list[index] ?? undefined
    const isUnnamed = there && nameInReport(there.component, there.variable) === undefined
    return byKey.get(settingKey(ref)) ?? (isUnnamed ? there : undefined)
  })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
