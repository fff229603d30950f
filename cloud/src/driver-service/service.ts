/** driver-service: who may charge, and whose a token is. */
import type { Service } from '../platform/service.ts'
import { driverServiceRoutes } from './routes.ts'
import { startTokensPublisher } from './tokens-document.ts'

export const driverService: Service = {
  name: 'driver-service',
  schema: 'driver',
  async start(context) {
    const publisher = startTokensPublisher(context)
    return {
      routes: driverServiceRoutes(context, publisher),
      async stop() {
        await publisher.stop()
      },
    }
  },
}
