/** station-service: sites, stations, charging sessions and commands. */
import type { Service } from '../platform/service.ts'
import { startExpirySweep } from './commands.ts'
import { startForgottenSweep } from './forgotten.ts'
import { createStationMetrics } from './metrics.ts'
import { stationProjection } from './project.ts'
import { startRepublishing } from './republish.ts'
import { startRollouts } from './rollouts.ts'
import { stationServiceRoutes } from './routes.ts'

export const stationService: Service = {
  name: 'station-service',
  schema: 'station',
  async start(context) {
    createStationMetrics(context.metrics, context.sql)
    const sweep = startExpirySweep(context)
    const republishing = startRepublishing(context)
    const forgotten = startForgottenSweep(context)
    const rollouts = startRollouts(context)
    return {
      routes: stationServiceRoutes(context),
      projections: [stationProjection(context.bus)],
      async stop() {
        await Promise.all([sweep.stop(), republishing.stop(), forgotten.stop(), rollouts.stop()])
      },
    }
  },
}
