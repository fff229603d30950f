/** A station of 2.1, held strictly against the schemas in both directions: ocpp-rpc has none that it could be strict with. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { type ChargePoint, connectRaw } from './charge-point.ts'

export type Station = Omit<ChargePoint, 'onClose'>

export async function connect21(url: string, identity = 'CS1', password?: string): Promise<Station> {
  const basic = Buffer.from(`${identity}:${password}`).toString('base64')
  const headers = password === undefined ? {} : { authorization: `Basic ${basic}` }
  const socket = await connectRaw(url, identity, ['ocpp2.1'], headers)
  const validators = await loadValidators('2.1')
  const handlers = new Map<string, (payload: JsonObject) => object | Promise<object>>()
  const waiting = new Map<string, (frame: unknown[]) => void>()
  let count = 0
  function check(errors: readonly unknown[]): void {
    if (errors.length > 0) throw new Error(JSON.stringify(errors))
  }
  socket.ws.on('message', async (data) => {
    const frame = JSON.parse(data.toString()) as [number, string, ...unknown[]]
    if (frame[0] !== 2) return waiting.get(frame[1])?.(frame)
    const [, id, action, payload] = frame as [2, string, string, JsonObject]
    check(validators.find(action)!.request(payload))
    const handler = handlers.get(action)
    socket.send(
      JSON.stringify(handler ? [3, id, await handler(payload)] : [4, id, 'NotImplemented', 'not here', {}]),
    )
  })
  return {
    async call(action, payload) {
      check(validators.find(action)!.request(payload))
      const id = `${action}-${++count}`
      const answered = new Promise<unknown[]>((resolve) => waiting.set(id, resolve))
      socket.send(JSON.stringify([2, id, action, payload]))
      const [type, , answer] = await answered
      if (type !== 3) throw new Error(`${action} was answered ${JSON.stringify(answer)}`)
      check(validators.find(action)!.response!(answer))
      return answer as JsonObject
    },
    handle: (action, answer) => void handlers.set(action, answer),
    close: async () => socket.close(),
  }
}
