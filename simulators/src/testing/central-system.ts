/** A small central system for tests, on another implementation of OCPP-J than ours, which checks every message strictly. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRPCError, RPCServer } from 'ocpp-rpc'
import type { VirtualClock } from '../clock.ts'

type Payload = Record<string, unknown>

/** What is used of ocpp-rpc's server side; its own types know no payloads. */
interface Client {
  protocol: string
  identity: string
  handle(handler: (call: { method: string; params: Payload }) => unknown): void
  call(method: string, params: Payload): Promise<Payload>
  close(options: { code: number; force?: boolean }): Promise<unknown>
  on(event: string, listener: (event: { error: Error }) => void): void
}

export interface Received {
  stationId: string
  action: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads of two versions
  payload: any
}

export interface CentralSystem {
  url: string
  /** Every call of the station, in the order of arrival. */
  received: Received[]
  /** Of one action. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  of(action: string): any[]
  /** What strict checking found wrong in what the station sent. */
  violations: string[]
  connections: number
  /** Calls the station; rejects with its CALLERROR. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  call(action: string, payload: Payload): Promise<any>
  /** Answers an action otherwise; `undefined` from it means as usual, and a throw is a CALLERROR. */
  answer(action: string, with_: (payload: Payload) => Payload | undefined): void
  /** Closes every connection. */
  drop(): Promise<void>
  /** Stops listening and closes every connection. */
  goDown(): Promise<void>
  /** Listens again, at the same address. */
  comeUp(): Promise<void>
  close(): Promise<void>
}

/** Speaks both versions; `call` goes to the station that connected last. */
export async function startCentralSystem(
  clock: VirtualClock,
  options: { password?: string } = {},
): Promise<CentralSystem> {
  const received: Received[] = []
  const violations: string[] = []
  const otherwise = new Map<string, (payload: Payload) => Payload | undefined>()
  let client: Client | undefined
  let transactions = 1000
  const rpc = new RPCServer({
    protocols: ['ocpp1.6', 'ocpp2.0.1'],
    strictMode: true,
  } as never) as unknown as {
    auth(
      callback: (
        accept: () => void,
        reject: (code: number) => void,
        handshake: { password?: Buffer },
      ) => void,
    ): void
    on(event: 'client', listener: (client: Client) => void): void
    handleUpgrade: (...args: unknown[]) => void
    close(options: { force: boolean }): Promise<void>
  }
  const system: CentralSystem = {
    url: '',
    received,
    violations,
    connections: 0,
    of: (action) => received.filter((it) => it.action === action).map((it) => it.payload),
    call(action, payload) {
      if (!client) throw new Error('no station is connected')
      return client.call(action, payload)
    },
    answer: (action, with_) => void otherwise.set(action, with_),
    async drop() {
      await client?.close({ code: 1001, force: true })
    },
    async goDown() {
      await system.drop()
      await new Promise((resolve) => http.close(resolve))
    },
    async comeUp() {
      await listen(port)
    },
    async close() {
      await rpc.close({ force: true })
      http.closeAllConnections()
      if (http.listening) await new Promise((resolve) => http.close(resolve))
    },
  }
  rpc.auth((accept, reject, { password }) => {
    if (options.password === undefined || password?.toString() === options.password) accept()
    else reject(401)
  })
  rpc.on('client', (connected) => {
    client = connected
    system.connections++
    connected.on('strictValidationFailure', ({ error }) => violations.push(error.message))
    const usual = connected.protocol === 'ocpp1.6' ? usual16 : usual201
    connected.handle(({ method, params }) => {
      received.push({ stationId: connected.identity, action: method, payload: params })
      return otherwise.get(method)?.(params) ?? usual(method, clock, () => ++transactions)
    })
  })
  let http: Server
  const listen = async (at: number) => {
    http = createServer()
    http.on('upgrade', rpc.handleUpgrade)
    http.listen(at, '127.0.0.1')
    await once(http, 'listening')
    return (http.address() as { port: number }).port
  }
  const port = await listen(0)
  system.url = `ws://127.0.0.1:${port}/ocpp`
  return system
}

/** A CALLERROR, to throw in an `answer`. */
export function callError(code: string, message: string): Error {
  return createRPCError(code, message) as Error
}

const ACCEPTED = { status: 'Accepted' }

function usual16(method: string, clock: VirtualClock, nextTransaction: () => number): Payload {
  const currentTime = new Date(clock.now()).toISOString()
  switch (method) {
    case 'BootNotification':
      return { ...ACCEPTED, currentTime, interval: 300 }
    case 'Heartbeat':
      return { currentTime }
    case 'Authorize':
    case 'StopTransaction':
      return { idTagInfo: ACCEPTED }
    case 'StartTransaction':
      return { transactionId: nextTransaction(), idTagInfo: ACCEPTED }
    default:
      return {}
  }
}

function usual201(method: string, clock: VirtualClock): Payload {
  const currentTime = new Date(clock.now()).toISOString()
  switch (method) {
    case 'BootNotification':
      return { ...ACCEPTED, currentTime, interval: 300 }
    case 'Heartbeat':
      return { currentTime }
    case 'Authorize':
      return { idTokenInfo: ACCEPTED }
    case 'TransactionEvent':
      return { idTokenInfo: ACCEPTED }
    default:
      return {}
  }
}
