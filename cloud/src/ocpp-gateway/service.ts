/**
 * Stations that connect to the cloud directly. Its place and its port are here; until a hosted controller stands behind it,
 * a station's WebSocket is refused with a reason, so that nobody takes it for a network fault.
 */
import { STATUS_CODES } from 'node:http'
import type { Service } from '../platform/service.ts'

const REASON =
  'Stations cannot connect to the cloud directly yet; connect them to the site controller (ws://<controller>:9000/ocpp/<stationId>)'
/** When a station may ask again, seconds. */
const RETRY_AFTER_S = 300

export const ocppGateway: Service = {
  name: 'ocpp-gateway',
  schema: null,
  async start({ log }) {
    return {
      onListening(server) {
        server.on('upgrade', (request, socket) => {
          socket.on('error', () => socket.destroy())
          log.warn(
            { path: request.url, remote: request.socket.remoteAddress },
            'a station was refused: not served here yet',
          )
          const body = `${REASON}\n`
          socket.end(
            `HTTP/1.1 503 ${STATUS_CODES[503]}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nRetry-After: ${RETRY_AFTER_S}\r\nConnection: close\r\n\r\n${body}`,
          )
        })
      },
      async stop() {},
    }
  },
}
