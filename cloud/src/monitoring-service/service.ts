/** monitoring-service: whether sites are heard from, and what somebody ought to look at. */
import { Gauge } from 'prom-client'
import type { Service } from '../platform/service.ts'
import { monitoringProjection } from './project.ts'
import { startWaitingSweep } from './review-waiting.ts'
import { monitoringRoutes } from './routes.ts'
import { startOfflineSweep } from './site-offline.ts'

export const monitoringService: Service = {
  name: 'monitoring-service',
  schema: 'monitoring',
  async start(context) {
    const { sql, metrics, eventLog } = context
    new Gauge({
      name: 'switchyard_sites',
      help: 'Sites by whether they are heard from',
      labelNames: ['online'],
      registers: [metrics],
      async collect() {
        // Without the database there is no figure, and all others are still told.
        const [row] =
          await sql`select count(*) filter (where online)::int as online, count(*) filter (where not online)::int as offline from monitoring.site`.catch(
            () => [],
          )
        this.reset()
        if (!row) return
        this.set({ online: 'true' }, row.online)
        this.set({ online: 'false' }, row.offline)
      },
    })
    new Gauge({
      name: 'switchyard_alerts_open',
      help: 'Open alerts by severity',
      labelNames: ['severity'],
      registers: [metrics],
      async collect() {
        const rows =
          await sql`select severity, count(*)::int as n from monitoring.alert where cleared_at is null group by severity`.catch(
            () => [],
          )
        this.reset()
        for (const row of rows) this.set({ severity: row.severity }, row.n)
      },
    })
    const sweep = startOfflineSweep(context)
    const waiting = startWaitingSweep(context)
    return {
      routes: monitoringRoutes(context),
      projections: [monitoringProjection(eventLog)],
      async stop() {
        await Promise.all([sweep.stop(), waiting.stop()])
      },
    }
  },
}
