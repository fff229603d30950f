/** Sites by id, and the zone that times are shown in. */
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { sitesQuery } from '../api/queries.ts'
import { FALLBACK_ZONE, knownZone } from '../format/time.ts'

const NO_SITES: Site[] = []

export interface Sites {
  all: Site[]
  byId(siteId: string): Site | undefined
  /** The zone of a site; without one (an invoice, say) the zone of the only site, else UTC. */
  zone(siteId?: string | null): string
}

export function useSites(): Sites {
  const all = useQuery(sitesQuery()).data?.items ?? NO_SITES
  return useMemo(() => {
    const map = new Map(all.map((site) => [site.siteId, site]))
    const only = all.length === 1 ? knownZone(all[0]!.timeZone) : FALLBACK_ZONE
    return {
      all,
      byId: (siteId) => map.get(siteId),
      zone: (siteId) => (siteId ? knownZone(map.get(siteId)?.timeZone) : only),
    }
  }, [all])
}
