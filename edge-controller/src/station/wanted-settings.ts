/** What is wanted of a station's settings: of the station itself first, then of its model, then the metering baseline. Pure. */
import { type SettingRef, type SettingSource, settingKey } from '@switchyard/protocol/site/setting.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import { modelOf } from './quirks.ts'
import { stationEntry } from './settings.ts'
import { stationOf } from './station.ts'

/** One setting, with the values that will do: the first is wanted, another is offered where the station rejects it. */
export interface Wish {
  setting: SettingRef
  values: readonly string[]
  source: SettingSource
}

/** What operators want of it, without the baseline. */
export function operatorsWishes(state: StateReader, stationId: string): Wish[] {
  const boot = stationOf(state, stationId)?.boot
  const ofModel = modelOf(appliedDocument(state, 'models')?.models, boot)
  const own = stationEntry(state, stationId)?.settings ?? []
  const wish = (source: SettingSource) => {
    return ({ value, ...setting }: (typeof own)[number]): Wish => ({ setting, values: [value], source })
  }
  return firstOfEach([...own.map(wish('station')), ...(ofModel?.settings ?? []).map(wish('model'))])
}

/** Of two wishes for one setting the earlier goes. */
export function firstOfEach(wishes: readonly Wish[]): Wish[] {
  const byKey = new Map<string, Wish>()
  for (const wish of wishes) {
    const key = settingKey(wish.setting)
    if (!byKey.has(key)) byKey.set(key, wish)
  }
  return [...byKey.values()]
}
