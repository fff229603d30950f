/** ocpp-gateway: stations that connect to the cloud directly (`ws://host:4000/ocpp/{stationId}`), each with a hosted controller. */
import { PasswordCheck, SPOKEN_VERSIONS, upgradeToOcpp } from '@switchyard/edge-controller/site-controller.ts'
import { Gauge } from 'prom-client'
import type { RunningService, Service, ServiceContext } from '../platform/service.ts'
import { createDoor } from './door.ts'
import { createHost } from './host.ts'
import { randomOf } from './hosted-config.ts'
import { hostedStations } from './project.ts'

/** Connections for each station that is taken: what comes back while its old socket is not known to be dead, and handshakes. */
const CONNECTIONS_PER_STATION = 2
/** What hosted controllers tell of themselves. */
const HOSTED_VERSION = 'hosted'
/** Service Restart (RFC 6455's registry): come back, another replica takes you. */
const SERVICE_RESTART = 1012

export const ocppGateway: Service = {
  name: 'ocpp-gateway',
  schema: 'ocpp_gateway',
  async start(context: ServiceContext): Promise<RunningService> {
    const { clock, random, log, metrics, config } = context
    const siteClock = { ...clock, quality: () => 'synced' as const }
    const passwords = new PasswordCheck(siteClock, randomOf(random))
    const host = createHost(context, passwords, HOSTED_VERSION)
    const door = createDoor(context, passwords, host)
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
          maxConnections: CONNECTIONS_PER_STATION * config.ocppMaxStations,
          versions: SPOKEN_VERSIONS,
          clock: siteClock,
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
