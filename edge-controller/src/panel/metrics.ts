/** Prometheus metrics of the controller, read from its status when they are asked for. */
import { X509Certificate } from 'node:crypto'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { SiteStatus } from './status.ts'

/** A certificate that the controller shows, and when it ends. */
export interface ShownCertificate {
  name: string
  /** PEM; the first of a chain. */
  pem: string
}

export function createMetrics(
  status: () => SiteStatus,
  certificates: readonly ShownCertificate[] = [],
): Registry {
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
  gauge(
    'switchyard_journal_pressure',
    'What a disk that fills asks to give up, 0 (nothing) to 5 (full, on the reserve)',
    (s) => s.pressure,
  )
  new Gauge({
    name: 'switchyard_site_load_milliamperes',
    help: 'Load at the grid connection per phase, as load control knows it',
    labelNames: ['phase'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [i, mA] of (status().load?.usedMa ?? []).entries()) this.set({ phase: `L${i + 1}` }, mA)
    },
  })
  new Gauge({
    name: 'switchyard_site_limit_milliamperes',
    help: 'Limit of the site per phase; none where none is set',
    registers: [registry],
    collect() {
      // A reset would leave 0, which is a limit.
      this.remove()
      const limitMa = status().load?.limitMa
      if (limitMa !== undefined) this.set(limitMa)
    },
  })
  const ends = new Gauge({
    name: 'switchyard_certificate_ends_timestamp_seconds',
    help: 'When a certificate that the controller shows ends, seconds since 1970',
    labelNames: ['certificate'],
    registers: [registry],
  })
  for (const { name, pem } of certificates)
    ends.set({ certificate: name }, Date.parse(new X509Certificate(pem).validTo) / 1_000)
  return registry
}
