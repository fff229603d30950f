/** The default tariff that the site has set on a station (2.1), by its id there; an entity for each station. Pure. */
import type { Draft, StateReader } from '../draft.ts'

const DEFAULT_TARIFF_KIND = 'default-tariff'
/** One that it was asked to take, and no answer has come: it may have it. */
const ASKED_TARIFF_KIND = 'default-tariff.asked'

export function keptDefaultTariff(state: StateReader, stationId: string): string | undefined {
  return state.get<string>(DEFAULT_TARIFF_KIND, stationId)
}

export function askedTariff(state: StateReader, stationId: string): string | undefined {
  return state.get<string>(ASKED_TARIFF_KIND, stationId)
}

export function keepDefaultTariff(draft: Draft, stationId: string, tariffId: string | undefined): void {
  keep(draft, DEFAULT_TARIFF_KIND, stationId, tariffId)
}

export function keepAskedTariff(draft: Draft, stationId: string, tariffId: string | undefined): void {
  keep(draft, ASKED_TARIFF_KIND, stationId, tariffId)
}

function keep(draft: Draft, kind: string, stationId: string, tariffId: string | undefined): void {
  if (tariffId !== undefined) draft.put(kind, stationId, tariffId)
  else if (draft.get(kind, stationId) !== undefined) draft.remove(kind, stationId)
}
