/** What the local panel tells of the site: the shape of `/api/status`. */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import type { Live, LiveStation } from '@switchyard/protocol/site/live.ts'
import type { Heads } from '../journal/port.ts'

export interface SiteStatus {
  siteId: string
  version: string
  journalId: string
  bootId: string
  /** RFC 3339 UTC, by the controller's own clock. */
  at: string
  timeZone: string
  clock: ClockQuality
  uptimeMs: number
  link: {
    /** Whether a cloud is configured at all. */
    configured: boolean
    connected: boolean
    /** The cloud has welcomed this journal on this connection. */
    linked: boolean
    /** Whether this journal speaks for the site. */
    authority?: boolean
    epoch?: number
    /** Life of the cloud's log: another one after it was restored. */
    generation?: string
    /** The journal that this one began as a fork of, and when. */
    forkedFrom?: { journalId: string; at: string }
  }
  heads: Heads
  /** Rows not acknowledged by the cloud; null while none is configured. */
  backlog: Live['backlog'] | null
  /** Of the disk of the journal, 0 (none) to 5 (full, on the reserve): journal/pressure.ts. */
  pressure: number
  stations: LiveStation[]
  /** Sessions running now. */
  sessions: number
  load: Live['load'] | null
}

export function sessionsOf(stations: readonly LiveStation[]): number {
  return stations.reduce((n, s) => n + s.connectors.filter((c) => c.session).length, 0)
}

/** The panel asks nobody who he is: whoever reads a driver's token here could charge with it. */
export function withoutTokens(status: SiteStatus): SiteStatus {
  const stations = status.stations.map((station) => ({
    ...station,
    connectors: station.connectors.map(({ session, ...connector }) => {
      if (!session) return connector
      const { idToken: _secret, ...shown } = session
      return { ...connector, session: shown }
    }),
  }))
  return { ...status, stations }
}
