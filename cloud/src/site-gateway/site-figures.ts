/** Sites that stand out, from their live pictures: what an alert needs a site's name for. Of many the worst only, so that a fleet's size is no size of ours. */
import { PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../platform/clock.ts'

/** Sites told by name in one metric. */
export const SITES_TOLD = 200
/** Sites kept that stand out; of more the one that was heard first is forgotten. */
const MAX_KEPT = 10_000
/** Less backlog is a matter of seconds. */
export const BACKLOG_WORTH_TELLING_ROWS = 1_000
/** A session that charges and tells nothing for so long has a meter that stands still. */
export const METER_STALE_MS = 300_000

export interface Figures {
  /** Rows that the cloud has not acknowledged. */
  backlogRows: number
  /** By how much the most loaded phase is over the site's limit, mA. */
  overLimitMa: number
  /** Sessions that charge without a reading. */
  staleMeters: number
}

/** What of a picture stands out; zeros where nothing does. */
export function figuresOf({ at, backlog, load, stations }: Live): Figures {
  const rows = backlog.ledger + backlog.telemetry
  const over = load?.limitMa === undefined ? 0 : Math.max(...load.usedMa, 0) - load.limitMa
  const now = Date.parse(at)
  const sessions = stations.flatMap((it) => it.connectors.flatMap((connector) => connector.session ?? []))
  return {
    backlogRows: rows < BACKLOG_WORTH_TELLING_ROWS ? 0 : rows,
    overLimitMa: Math.max(0, over),
    staleMeters: sessions.filter(
      (it) =>
        (it.chargingState === undefined || it.chargingState === 'Charging') &&
        now - Date.parse(it.readAt ?? it.startedAt) > METER_STALE_MS,
    ).length,
  }
}

export interface SiteFigures {
  take(siteId: string, picture: Live): void
}

export function createSiteFigures(registry: Registry, clock: Clock): SiteFigures {
  const kept = new Map<string, Figures & { heardAtMs: number }>()
  const gauge = (name: string, help: string, figure: keyof Figures): void => {
    new Gauge({
      name,
      help,
      labelNames: ['site'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [site, it] of worst(figure)) this.set({ site }, it)
      },
    })
  }
  gauge(
    'switchyard_site_backlog_rows',
    `Rows at a site that the cloud has not acknowledged; the ${SITES_TOLD} sites with most, from ${BACKLOG_WORTH_TELLING_ROWS} on`,
    'backlogRows',
  )
  gauge(
    'switchyard_site_over_limit_milliamperes',
    `By how much the most loaded phase of a site is over its limit; the ${SITES_TOLD} worst sites`,
    'overLimitMa',
  )
  gauge(
    'switchyard_site_stale_meters',
    `Sessions of a site that charge and have told no reading for five minutes; the ${SITES_TOLD} worst sites`,
    'staleMeters',
  )

  function worst(figure: keyof Figures): [string, number][] {
    const since = clock.mono() - PRESENCE_EXPIRY_MS
    for (const [site, { heardAtMs }] of kept) if (heardAtMs < since) kept.delete(site)
    return [...kept]
      .map(([site, it]): [string, number] => [site, it[figure]])
      .filter(([, value]) => value > 0)
      .sort((a, b) => b[1] - a[1])
      .slice(0, SITES_TOLD)
  }

  return {
    take(siteId, picture) {
      const figures = figuresOf(picture)
      kept.delete(siteId)
      if (Object.values(figures).every((it) => it === 0)) return
      kept.set(siteId, { ...figures, heardAtMs: clock.mono() })
      if (kept.size <= MAX_KEPT) return
      for (const oldest of kept.keys()) {
        kept.delete(oldest)
        break
      }
    },
  }
}
