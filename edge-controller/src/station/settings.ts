/** What holds for one station: the stations document first, then the site document, then the controller's own configuration. */
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import { stationOf } from './station.ts'

export interface StationSettings {
  approved: boolean
  /** Turned away by an operator. */
  rejected: boolean
  /** Whether the metering baseline is set on it. */
  baseline: boolean
  /** Whether the failsafe limit is installed on it. */
  failsafe: boolean
  /** Largest power of one connector, W. */
  maxPowerW: number
}

export interface SettingsDefaults {
  baseline: boolean
  maxPowerW: number
}

type StationEntry = DocumentBody<'stations'>['stations'][number]

/** By document, so that 1,000 stations are not searched with every message; a document that was replaced is forgotten. */
const indexes = new WeakMap<object, Map<string, StationEntry>>()

/** What the stations document says of it; undefined also where it says that the station was removed. */
export function stationEntry(state: StateReader, stationId: string): StationEntry | undefined {
  const entry = wholeEntry(state, stationId)
  return entry?.removed ? undefined : entry
}

/** The newest removal of the station. */
export function removalOf(state: StateReader, stationId: string): string | undefined {
  return wholeEntry(state, stationId)?.removal
}

function wholeEntry(state: StateReader, stationId: string): StationEntry | undefined {
  const document = appliedDocument(state, 'stations')
  if (!document) return undefined
  let index = indexes.get(document)
  if (!index) {
    index = new Map(document.stations.map((entry) => [entry.stationId, entry]))
    indexes.set(document, index)
  }
  return index.get(stationId)
}

/**
 * An operator has accepted it, and it has told no boot here: it may have booted when another card or another system was in this place,
 * and a station that was accepted goes on after a reconnect without a boot.
 */
export function isAcceptedUnbooted(state: StateReader, stationId: string): boolean {
  const station = stationOf(state, stationId)
  return station !== undefined && !station.boot && stationEntry(state, stationId)?.approved === true
}

export function stationSettings(
  state: StateReader,
  stationId: string,
  defaults: SettingsDefaults,
): StationSettings {
  const entry = stationEntry(state, stationId)
  return {
    approved: entry?.approved ?? stationOf(state, stationId)?.approved ?? false,
    rejected: entry?.rejected ?? false,
    baseline: entry?.baseline ?? appliedDocument(state, 'site')?.baseline ?? defaults.baseline,
    failsafe: entry?.failsafe ?? appliedDocument(state, 'site')?.failsafe ?? true,
    maxPowerW: entry?.maxPowerW ?? defaults.maxPowerW,
  }
}
