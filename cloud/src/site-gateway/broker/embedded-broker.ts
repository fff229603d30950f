/**
 * The broker within the process: aedes, with the same access rules as the real ones have. A pipe only: no sessions are kept, no
 * message is retained, wiping it loses nothing.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { MAX_PAYLOAD_BYTES } from '@switchyard/protocol/site/envelope.ts'
import { Aedes, type AuthenticateError, type Client } from 'aedes'
import type { Logger } from 'pino'
import { faultOf } from '../../platform/log.ts'
import { type Identity, mayPublish, mayReceive, maySubscribe } from './access.ts'
import type { BrokerAccounts } from './accounts.ts'
import { PacketBound } from './packet-bound.ts'

/** Connections, signed in or not; more are refused. */
export const MAX_CONNECTIONS = 2_000
/** A client must promise to say something this often, seconds. */
export const MAX_KEEPALIVE_S = 120
/** Topic and header beside the payload. */
const PACKET_OVERHEAD_BYTES = 1_024
/** A socket that does not say CONNECT in this time is closed. */
const CONNECT_TIMEOUT_MS = 10_000
/** A client that does not read for this long is closed: it must not hold up the others. */
const DRAIN_TIMEOUT_MS = 5_000

/** MQTT 3.1.1 return codes of CONNACK. */
const IDENTIFIER_REJECTED = 2
const SERVER_UNAVAILABLE = 3
const BAD_USER_NAME_OR_PASSWORD = 4
const NOT_AUTHORIZED = 5

export interface EmbeddedBrokerOptions {
  port: number
  bindAddress: string
  log: Logger
  /** Undefined: wrong. Rejecting: cannot be said now. */
  authenticate(username: string, password: Buffer): Promise<Identity | undefined>
}

export interface EmbeddedBroker {
  port: number
  accounts: BrokerAccounts
  close(): Promise<void>
}

/** Rejects with a message naming the port when it is taken. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { log } = options
  const identities = new WeakMap<Client, Identity>()
  const clientsOf = new Map<string, Set<Client>>()

  const broker = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    keepaliveLimit: MAX_KEEPALIVE_S,
    preConnect(_client, packet, done) {
      // Sessions and queues would be kept in memory for whoever asks.
      if (!packet.clean) return done(refusal(IDENTIFIER_REJECTED, 'only clean sessions are served'), false)
      const { will } = packet
      if (will?.retain || (will && !mayPublish({ kind: 'site', siteId: packet.username ?? '' }, will.topic)))
        return done(refusal(NOT_AUTHORIZED, `a will on ${will.topic} is not allowed`), false)
      done(null, true)
    },
    authenticate(client, username, password, done) {
      if (!username || !password)
        return done(refusal(BAD_USER_NAME_OR_PASSWORD, 'no user name or password'), null)
      options.authenticate(username, password).then(
        (identity) => {
          if (!identity)
            return done(refusal(BAD_USER_NAME_OR_PASSWORD, 'wrong user name or password'), null)
            // Within the user's own names: nobody can take over another's connection by its client id.
          ;(client as { id: string }).id = `${username}/${client.id}`
          identities.set(client, identity)
          if (identity.kind === 'site') remember(identity.siteId, client)
          done(null, true)
        },
        (error: Error) => {
          log.warn({ ...faultOf(error), username }, 'a sign-in at the broker could not be checked')
          done(refusal(SERVER_UNAVAILABLE, 'cannot be checked now'), null)
        },
      )
    },
    authorizePublish(client, packet, done) {
      const who = client && identities.get(client)
      if (!who || !mayPublish(who, packet.topic))
        return done(new Error(`publishing to ${packet.topic} is not allowed`))
      if (packet.retain) return done(new Error('nothing is retained here'))
      done(null)
    },
    authorizeSubscribe(client, subscription, done) {
      const who = identities.get(client)
      // A refused filter is answered 0x80; the others of the same request stand.
      done(null, who && maySubscribe(who, subscription.topic) ? subscription : null)
    },
    authorizeForward(client, packet) {
      const who = identities.get(client)
      return who && mayReceive(who, packet.topic) ? packet : null
    },
  })
  const said = (client: Client, error: Error): void =>
    log.info({ client: client.id, reason: error.message }, 'the broker closed a connection')
  broker.on('clientError', said)
  broker.on('connectionError', said)

  function remember(siteId: string, client: Client): void {
    const set = clientsOf.get(siteId) ?? new Set()
    clientsOf.set(siteId, set.add(client))
    const { conn } = client
    conn.once('close', () => {
      set.delete(client)
      if (set.size === 0 && clientsOf.get(siteId) === set) clientsOf.delete(siteId)
    })
  }
  async function disconnect(siteId: string): Promise<void> {
    for (const client of clientsOf.get(siteId) ?? []) client.conn.destroy()
  }

  const server = createServer({ noDelay: true }, (socket) => {
    bound(socket, MAX_PAYLOAD_BYTES + PACKET_OVERHEAD_BYTES)
    broker.handle(socket)
  })
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `the embedded broker: port ${options.port} on ${options.bindAddress} is taken (BROKER_PORT)`
            : `the embedded broker cannot listen on ${options.bindAddress}:${options.port}: ${error.message}`,
          { cause: error },
        ),
      ),
    )
    server.listen(options.port, options.bindAddress, resolve)
  })

  return {
    port: (server.address() as AddressInfo).port,
    accounts: { put: disconnect, remove: disconnect },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await new Promise<void>((resolve) => broker.close(resolve))
      await closed
    },
  }
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode }) as AuthenticateError
}

/** Every byte that the broker reads passes the bound first. */
function bound(socket: Socket, maxBytes: number): void {
  const packets = new PacketBound(maxBytes)
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    const chunk = read(size)
    if (chunk === null || packets.take(chunk)) return chunk
    socket.destroy(new Error(`a packet of more than ${maxBytes} bytes`))
    return null
  }
}
