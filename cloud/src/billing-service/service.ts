/** billing-service: tariffs, charge detail records and invoices. */
import type { Service } from '../platform/service.ts'
import { ensureDefaultTariff } from './default-tariff.ts'
import { startHeldSweep } from './held.ts'
import { billingProjection } from './project.ts'
import { billingServiceRoutes } from './routes.ts'
import { markOfEarlierGenerations, startTariffsPublisher } from './tariffs-document.ts'

export const billingService: Service = {
  name: 'billing-service',
  schema: 'billing',
  async start(context) {
    await ensureDefaultTariff(context)
    await markOfEarlierGenerations(context.sql, context.eventLog.generation)
    const publisher = startTariffsPublisher(context)
    const held = startHeldSweep(context)
    const tariffsChanged = (): void => {
      publisher.wake()
      held.wake()
    }
    return {
      routes: billingServiceRoutes(context, tariffsChanged),
      projections: [billingProjection(context.eventLog, () => new Date(context.clock.now()))],
      async stop() {
        await Promise.all([publisher.stop(), held.stop()])
      },
    }
  },
}
