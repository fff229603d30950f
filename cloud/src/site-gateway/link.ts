/**
 * The cloud's side of MQTT. The broker is a pipe: a clean session, nothing retained, published only while connected. What the
 * broker acknowledges means nothing here; every exchange has its own sequence and acknowledgement.
 */
import { UP_FILTER } from '@switchyard/protocol/site/topics.ts'
import { connect, type MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import type { Clock } from '../platform/clock.ts'

/** Gateways with shared subscriptions divide the sites' messages under this name. */
export const SHARE_GROUP = 'site-gateway'
const RECONNECT_MS = 1_000
const CONNECT_TIMEOUT_MS = 10_000
const KEEPALIVE_S = 30
/** Messages handed over and not yet acknowledged by the broker; beyond it messages are dropped, and sent again later. */
export const MAX_UNACKNOWLEDGED = 10_000
/** Above this many bytes on their way, whoever sends documents waits. */
const ROOM_BYTES = 4 * 1024 * 1024
/** Longest that anybody waits for room; then the messages are dropped by the bounds above, or pass. */
const ROOM_WAIT_MS = 10_000
const SUBSCRIPTION_REFUSED = 128

export interface LinkOptions {
  url: string
  username: string
  password: string
  clientId: string
  sharedSubscriptions: boolean
  clock: Clock
  log: Logger
  onMessage(topic: string, payload: Buffer): void
}

export interface Link {
  /** Drops the message while not connected, or when too much is on its way. */
  publish(topic: string, payload: string, qos: 0 | 1): void
  /** Resolves when large messages may be sent. */
  room(): Promise<void>
  /** Connected and subscribed. */
  ready(): boolean
  stop(): Promise<void>
}

export function createLink(options: LinkOptions): Link {
  const { clock, log, onMessage } = options
  const filter = options.sharedSubscriptions ? `$share/${SHARE_GROUP}/${UP_FILTER}` : UP_FILTER
  let subscribed = false
  let unacknowledged = 0
  let unacknowledgedBytes = 0
  const waitingForRoom: (() => void)[] = []
  let lastReason = ''
  const client: MqttClient = connect(options.url, {
    protocolVersion: 4,
    clean: true,
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    reconnectPeriod: RECONNECT_MS,
    // An account that is only being made, or a broker whose database is away, says no for a while.
    reconnectOnConnackError: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepalive: KEEPALIVE_S,
    resubscribe: false,
    queueQoSZero: false,
  })
  client.on('connect', async () => {
    try {
      const granted = await client.subscribeAsync(filter, { qos: 1 })
      if (granted.some((it) => it.qos === SUBSCRIPTION_REFUSED))
        throw new Error(`the broker refuses ${filter}`)
      subscribed = true
      lastReason = ''
      log.info({ broker: hostOf(options.url), filter }, 'connected to the broker')
    } catch (error) {
      log.error({ err: error }, 'the broker let us in and refused what we need')
      // Closed, so that the client tries again from the start.
      client.stream.destroy()
    }
  })
  client.on('close', () => {
    subscribed = false
  })
  client.on('error', (error) => {
    if (error.message === lastReason) return
    lastReason = error.message
    log.warn({ reason: error.message }, 'no connection to the broker; trying again')
  })
  client.on('message', (topic, payload) => onMessage(topic, payload))

  return {
    publish(topic, payload, qos) {
      if (!client.connected || unacknowledged >= MAX_UNACKNOWLEDGED) {
        log.debug({ topic }, 'a message was not sent: not connected, or too much is on its way')
        return
      }
      unacknowledged++
      unacknowledgedBytes += payload.length
      client.publish(topic, payload, { qos }, (error) => {
        unacknowledged--
        unacknowledgedBytes -= payload.length
        if (unacknowledgedBytes < ROOM_BYTES) for (const go of waitingForRoom.splice(0)) go()
        if (error) log.debug({ topic, reason: error.message }, 'a message was not sent')
      })
    },
    room() {
      if (unacknowledgedBytes < ROOM_BYTES) return Promise.resolve()
      return new Promise((resolve) => {
        const cancel = clock.after(ROOM_WAIT_MS, resolve)
        waitingForRoom.push(() => {
          cancel()
          resolve()
        })
      })
    },
    ready: () => subscribed && client.connected,
    async stop() {
      subscribed = false
      await client.endAsync(!client.connected)
    },
  }
}

function hostOf(url: string): string {
  return new URL(url).host
}
