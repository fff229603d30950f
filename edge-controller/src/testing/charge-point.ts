/** Charge points for tests: npm `ocpp-rpc` in strict mode, which is not ours, and a bare socket for what no client would send. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { RPCClient } from 'ocpp-rpc'
import { type ClientOptions, WebSocket } from 'ws'

export interface ChargePoint {
  call(action: string, payload: object): Promise<JsonObject>
  /** Answers a call of the controller. */
  handle(action: string, answer: (payload: JsonObject) => object | Promise<object>): void
  close(): Promise<void>
  onClose(listener: (code: number, reason: string) => void): void
}

/** Connects, strict about every message in both directions. */
export async function connect(
  endpoint: string,
  identity: string,
  protocol: 'ocpp1.6' | 'ocpp2.0.1' = 'ocpp1.6',
  more: { password?: string } = {},
): Promise<ChargePoint> {
  // Its own types ask for every option.
  const options = {
    endpoint: endpoint.replace(/\/$/, ''),
    identity,
    protocols: [protocol],
    strictMode: true,
    reconnect: false,
    ...more,
  } as unknown as ConstructorParameters<typeof RPCClient>[0]
  const client = new RPCClient(options)
  await client.connect()
  return {
    call: async (action, payload) => (await client.call(action, payload)) as JsonObject,
    handle: (action, answer) =>
      client.handle(action, ((request: { params: JsonObject }) => answer(request.params)) as never),
    close: async () => void (await client.close({ code: 1000 })),
    onClose: (listener) =>
      void client.on('close', (event: { code: number; reason: string }) =>
        listener(event.code, event.reason),
      ),
  }
}

export interface RawSocket {
  send(text: string): void
  /** The next frame that came. */
  next(): Promise<unknown[]>
  close(): void
  /** Cuts the TCP connection without a close frame. */
  cut(): void
  readonly closed: Promise<{ code: number; reason: string }>
  readonly ws: WebSocket
}

export async function connectRaw(
  endpoint: string,
  identity: string,
  protocols: string[] = ['ocpp1.6'],
  headers: Record<string, string> = {},
  tls: ClientOptions = {},
): Promise<RawSocket> {
  const ws = new WebSocket(`${endpoint}${identity}`, protocols, { headers, ...tls })
  const came: unknown[][] = []
  const waiting: ((frame: unknown[]) => void)[] = []
  ws.on('message', (data) => {
    const frame = JSON.parse(data.toString()) as unknown[]
    const waiter = waiting.shift()
    if (waiter) waiter(frame)
    else came.push(frame)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve)
    ws.once('error', reject)
  })
  ws.on('error', () => {})
  return {
    ws,
    closed,
    send: (text) => ws.send(text),
    next: () => {
      const frame = came.shift()
      return frame ? Promise.resolve(frame) : new Promise((resolve) => waiting.push(resolve))
    },
    close: () => ws.close(1000),
    cut: () => ws.terminate(),
  }
}

/** The status and the reason of a handshake that is refused. */
export function refusal(
  endpoint: string,
  path: string,
  protocols: string[],
  headers: Record<string, string> = {},
  tls: ClientOptions = {},
): Promise<{ status: number; reason: string }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${endpoint}${path}`, protocols, { headers, ...tls })
    ws.on('unexpected-response', (_request, response) => {
      let reason = ''
      response.on('data', (chunk) => {
        reason += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, reason: reason.trim() }))
    })
    ws.on('open', () => {
      ws.terminate()
      reject(new Error('the handshake was accepted'))
    })
    ws.on('error', reject)
  })
}
