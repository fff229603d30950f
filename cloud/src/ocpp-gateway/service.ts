/** ocpp-gateway: stations that connect to the cloud directly (`ws://host:4000/ocpp/{stationId}`), each with a hosted controller. */
import { SPOKEN_VERSIONS, upgradeToOcpp } from '@switchyard/edge-controller/site-controller.ts'
import { Gauge } from 'prom-client'
import type { RunningService, Service, ServiceContext } from '../platform/service.ts'
import { createDoor } from './door.ts'
import { createHost } from './host.ts'
import { hostedStations } from './project.ts'

/** Connections at once, handshakes included; further ones are refused with 503. */
const MAX_CONNECTIONS = 6_000
/** What hosted controllers tell of themselves. */
const HOSTED_VERSION = 'hosted'
/** Service Restart (RFC 6455's registry): come back, another replica takes you. */
const SERVICE_RESTART = 1012

export const ocppGateway: Service = {
  name: 'ocpp-gateway',
  schema: 'ocpp_gateway',
  async start(context: ServiceContext): Promise<RunningService> {
    const { clock, log, metrics } = context
    const host = createHost(context, HOSTED_VERSION)
    const door = createDoor(context, host)
    new Gauge({
      name: 'switchyard_hosted_controllers',
      help: 'Direct stations that this process has a controller for, connected or not',
      registers: [metrics],
      collect() {
        this.set(host.size)
      },
    })
    host.start()
    return {
      projections: [hostedStations],
      onListening(server) {
        upgradeToOcpp(server, {
          maxConnections: MAX_CONNECTIONS,
          versions: SPOKEN_VERSIONS,
          clock: { ...clock, quality: () => 'synced' },
          log,
          admit: door.admit,
          accept(socket, stationId, version, credential) {
            const controller = door.controllerOf(stationId)
            if (controller) controller.accept(socket, stationId, version, credential)
            else socket.close(SERVICE_RESTART, 'the station is served elsewhere: connect again')
          },
        })
      },
      stop: host.stop,
    }
  },
}
