/** Which local list each station took last: what it holds is kept once for all stations that hold the same. */
import type { Entity, EntityKey } from '../journal/port.ts'
import type { SiteState } from '../site-state.ts'
import { LOCAL_LIST_KIND } from '../station/removal.ts'
import { STATION_KIND, type Station } from '../station/station.ts'
import type { Entry } from './local-list-entries.ts'

/** Entity of what a list holds; its id is the digest. */
const ENTRIES_KIND = 'local-list.entries'
/**
 * Different lists whose content is kept. Stations of one version that hold all tokens have the same; where there are more, the
 * one that was made first is forgotten, and its stations get the whole list next time.
 */
export const MAX_KEPT_LISTS = 16

/** What was sent last, and taken. */
export interface Sent {
  version: number
  digest: string
}

interface Content {
  digest: string
  /** Counts up: which came first. */
  n: number
  entries: Entry[]
}

export function sentTo(state: SiteState, stationId: string): Sent | undefined {
  return state.get<Sent>(LOCAL_LIST_KIND, stationId)
}

/** What the station holds; undefined: it is not known any more. */
export function entriesSent(state: SiteState, { digest }: Sent): Entry[] | undefined {
  return state.get<Content>(ENTRIES_KIND, digest)?.entries
}

/** What has to become durable when a station has taken a list. */
export function keepList(
  state: SiteState,
  stationId: string,
  { version, digest }: Sent,
  entries: readonly Entry[],
): { puts: Entity[]; deletes: EntityKey[] } {
  const others = state
    .list<Station>(STATION_KIND)
    .filter((it) => it.stationId !== stationId)
    .map((it) => sentTo(state, it.stationId)?.digest)
  const needed = new Set(others)
  const kept = state.list<Content>(ENTRIES_KIND).sort((a, b) => a.n - b.n)
  const isThere = kept.some((it) => it.digest === digest)
  const stay = kept.filter((it) => it.digest === digest || needed.has(it.digest))
  const surplus = stay.length + (isThere ? 0 : 1) - MAX_KEPT_LISTS
  const first = stay.filter((it) => it.digest !== digest).slice(0, Math.max(0, surplus))
  const gone = kept.filter((it) => !stay.includes(it) || first.includes(it))
  const content = { digest, n: (kept.at(-1)?.n ?? 0) + 1, entries: [...entries] }
  return {
    puts: [
      { kind: LOCAL_LIST_KIND, id: stationId, value: { version, digest } },
      ...(isThere ? [] : [{ kind: ENTRIES_KIND, id: digest, value: content as never }]),
    ],
    deletes: gone.map((it) => ({ kind: ENTRIES_KIND, id: it.digest })),
  }
}
