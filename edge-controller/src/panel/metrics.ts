/** Prometheus metrics of the controller, read from its status when they are asked for. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { SiteStatus } from './status.ts'

export function createMetrics(status: () => SiteStatus): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service: 'edge-controller' })
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: (s: SiteStatus) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(status()))
      },
    })
  }
  gauge('switchyard_link_up', 'Whether the cloud has welcomed this journal (1) or not (0)', (s) =>
    Number(s.link.linked),
  )
  gauge('switchyard_stations', 'Stations known at the site', (s) => s.stations.length)
  gauge(
    'switchyard_stations_connected',
    'Stations connected now',
    (s) => s.stations.filter((it) => it.connected).length,
  )
  gauge('switchyard_sessions_running', 'Sessions running now', (s) => s.sessions)
  for (const stream of ['ledger', 'telemetry'] as const) {
    gauge(
      `switchyard_journal_${stream}_rows`,
      `Newest seq of the ${stream} stream`,
      (s) => s.heads[stream].seq,
    )
    gauge(
      `switchyard_backlog_${stream}_rows`,
      `Rows of the ${stream} stream that the cloud has not acknowledged`,
      (s) => s.backlog?.[stream] ?? 0,
    )
  }
  return registry
}
