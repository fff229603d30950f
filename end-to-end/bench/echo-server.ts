/**
 * The baseline: the least that any OCPP server does. `ws`, JSON in, validation against the official schema, JSON out. No state, no
 * journal. Prints its port; ends on SIGTERM.
 */
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { WebSocketServer } from 'ws'

const validators = await loadValidators('1.6')
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: false,
  handleProtocols: () => 'ocpp1.6',
})
const reply: Record<string, unknown> = {
  BootNotification: { status: 'Accepted', currentTime: '2026-11-23T15:00:00Z', interval: 300 },
  StartTransaction: { transactionId: 1, idTagInfo: { status: 'Accepted' } },
  Authorize: { idTagInfo: { status: 'Accepted' } },
}
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const [, id, action, payload] = JSON.parse(data.toString())
    if (validators.find(action)?.request(payload).length !== 0)
      throw new Error(`the bench sent an invalid ${action}`)
    socket.send(JSON.stringify([3, id, reply[action] ?? {}]))
  })
})
server.on('listening', () =>
  process.stdout.write(`${JSON.stringify({ port: (server.address() as { port: number }).port })}\n`),
)
process.on('SIGTERM', () => process.exit(0))
