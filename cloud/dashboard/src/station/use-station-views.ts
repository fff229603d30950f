/** Stations of a site (or of all) with their running sessions and what the live pictures add. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { runningSessionsQuery, stationsQuery } from '../api/queries.ts'
import { useNow } from '../hooks/use-now.ts'
import { useSites } from '../hooks/use-sites.ts'
import { useLivePictures } from '../live/live-context.tsx'
import { mergeStation, type StationView } from '../live/merge.ts'

const NO_SESSIONS: Session[] = []

/** The query of the stations stands beside the views, for its state. */
export function useStationViews(siteId?: string) {
  const filter = siteId === undefined ? {} : { siteId }
  const query = useQuery(stationsQuery(filter))
  const running = useQuery(runningSessionsQuery(filter)).data?.items ?? NO_SESSIONS
  const items = query.data?.items
  const views = useMerged(items, running)
  return { query, views }
}

export function useMerged(stations: Station[] | undefined, running: readonly Session[]): StationView[] {
  const now = useNow()
  const sites = useSites()
  const pictureOf = useLivePictures()
  return useMemo(
    () =>
      (stations ?? []).map((station) =>
        mergeStation(station, running, sites.byId(station.siteId), pictureOf(station.siteId), now),
      ),
    [stations, running, sites, pictureOf, now],
  )
}
