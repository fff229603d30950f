/**
 * What is wanted of a station's monitors, of the station itself first, then of its model; and those that the site has set on it, an
 * entity for each station: only these are changed and cleared. Pure.
 */
import { monitorKey, type WantedMonitor } from '@switchyard/protocol/site/monitor.ts'
import { appliedDocument } from '../documents.ts'
import type { Draft, StateReader } from '../draft.ts'
import { modelOf } from './quirks.ts'
import { stationEntry } from './settings.ts'
import { stationOf } from './station.ts'

export const MONITORS_KIND = 'monitors'

export interface MonitorWish {
  monitor: WantedMonitor
  source: 'station' | 'model'
}

/** A monitor that the site has set, by the id that its station gave it. */
export interface KeptMonitor {
  /** Absent: it was asked for and no answer has come, so that the station may have it. */
  id?: number
  monitor: WantedMonitor
}

export function monitorWishes(state: StateReader, stationId: string): MonitorWish[] {
  const boot = stationOf(state, stationId)?.boot
  const ofModel = modelOf(appliedDocument(state, 'models')?.models, boot)?.monitors ?? []
  const own = stationEntry(state, stationId)?.monitors ?? []
  const byKey = new Map<string, MonitorWish>()
  for (const monitor of ofModel) byKey.set(monitorKey(monitor), { monitor, source: 'model' })
  for (const monitor of own) byKey.set(monitorKey(monitor), { monitor, source: 'station' })
  return [...byKey.values()]
}

export function keptMonitors(state: StateReader, stationId: string): KeptMonitor[] {
  return state.get<KeptMonitor[]>(MONITORS_KIND, stationId) ?? []
}

export function keepMonitors(draft: Draft, stationId: string, monitors: readonly KeptMonitor[]): void {
  if (monitors.length > 0) draft.put(MONITORS_KIND, stationId, monitors)
  else if (draft.get(MONITORS_KIND, stationId) !== undefined) draft.remove(MONITORS_KIND, stationId)
}
