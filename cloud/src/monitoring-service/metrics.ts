/** Metrics of monitoring-service: sites and open alerts. */
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'

/** Open alerts that are told one by one, the newest. */
export const ALERTS_TOLD = 500

/** Without the database there is no figure, and all others are still told. */
export function createMonitoringMetrics(registry: Registry, sql: Sql): void {
  const registers = [registry]
  new Gauge({
    name: 'switchyard_sites',
    help: 'Sites by whether they are heard from',
    labelNames: ['online'],
    registers,
    async collect() {
      const [row] = await sql<{ online: number; offline: number }[]>`
        select count(*) filter (where online)::int as online, count(*) filter (where not online)::int as offline
          from monitoring.site`.catch(() => [])
      this.reset()
      if (!row) return
      this.set({ online: 'true' }, row.online)
      this.set({ online: 'false' }, row.offline)
    },
  })
  new Gauge({
    name: 'switchyard_alerts_open',
    help: 'Open alerts by rule and severity',
    labelNames: ['rule', 'severity'],
    registers,
    async collect() {
      const rows = await sql<{ rule: string; severity: string; n: number }[]>`
        select rule, severity, count(*)::int as n from monitoring.alert where cleared_at is null group by 1, 2`.catch(
        () => [],
      )
      this.reset()
      for (const { rule, severity, n } of rows) this.set({ rule, severity }, n)
    },
  })
  new Gauge({
    name: 'switchyard_alert',
    help: `An open alert by what it is about; the newest ${ALERTS_TOLD}`,
    labelNames: ['rule', 'severity', 'tenant', 'site', 'station'],
    registers,
    async collect() {
      const rows = await sql<
        {
          rule: string
          severity: string
          tenant_id: string
          site_id: string | null
          station_id: string | null
          n: number
        }[]
      >`
        select rule, severity, tenant_id, site_id, station_id, count(*)::int as n
          from (select * from monitoring.alert where cleared_at is null order by raised_at desc limit ${ALERTS_TOLD}) newest
         group by 1, 2, 3, 4, 5`.catch(() => [])
      this.reset()
      for (const it of rows)
        this.set(
          {
            rule: it.rule,
            severity: it.severity,
            tenant: it.tenant_id,
            site: it.site_id ?? '',
            station: it.station_id ?? '',
          },
          it.n,
        )
    },
  })
}
