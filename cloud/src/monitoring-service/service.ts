/** monitoring-service: whether sites are heard from, and what somebody ought to look at. */
import type { Service } from '../platform/service.ts'
import { createMonitoringMetrics } from './metrics.ts'
import { createPrimaryMetrics } from './primary-metrics.ts'
import { monitoringProjection } from './project.ts'
import { startWaitingSweep } from './review-waiting.ts'
import { monitoringRoutes } from './routes.ts'
import { startOfflineSweep } from './site-offline.ts'
import { startTlsEndpoints } from './tls-endpoints.ts'

export const monitoringService: Service = {
  name: 'monitoring-service',
  schema: 'monitoring',
  async start(context) {
    const { sql, metrics, eventLog } = context
    createMonitoringMetrics(metrics, sql)
    createPrimaryMetrics(metrics, sql)
    const sweep = startOfflineSweep(context)
    const waiting = startWaitingSweep(context)
    const endpoints = startTlsEndpoints(context)
    return {
      routes: monitoringRoutes(context),
      projections: [monitoringProjection(eventLog, sweep.wake)],
      async stop() {
        await Promise.all([sweep.stop(), waiting.stop(), endpoints.stop()])
      },
    }
  },
}
