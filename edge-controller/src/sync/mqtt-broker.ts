/**
 * The broker port over MQTT 3.1.1. Every attempt is a new client with a clean session and no store: nothing that was meant
 * for one conversation can be sent in the next one. Subscribes to down/# before it reports a connect.
 */
import { downFilter } from '@switchyard/protocol/site/topics.ts'
import { connect, type MqttClient } from 'mqtt'
import { randomId } from '../ids.ts'
import type { Broker, Clock, Log, Random } from '../ports.ts'
import { fullJitterMs } from './backoff.ts'

const RECONNECT_FIRST_MS = 1_000
const RECONNECT_CAP_MS = 60_000
/** In the first seconds after a loss the waits stay short: who is back from a hiccup of ten is not told to be offline. */
const HICCUP_MS = 15_000
const HICCUP_CAP_MS = 3_000
/** A connection that lasted this long starts the waits over. */
const STABLE_AFTER_MS = 10_000
const CONNECT_TIMEOUT_MS = 15_000
/** A link silent for one and a half of this is closed. */
const KEEPALIVE_S = 15

export interface MqttBrokerOptions {
  /** mqtt://, mqtts://, ws:// or wss:// */
  url: string
  siteId: string
  username?: string | undefined
  password?: string | undefined
  clock: Clock
  random: Random
  log: Log
}

type Events = Parameters<Broker['start']>[0]

export class MqttBroker implements Broker {
  readonly #options: MqttBrokerOptions
  #events: Events | undefined
  #client: MqttClient | undefined
  #subscribed = false
  #attempt = 0
  #lostMs = Number.NEGATIVE_INFINITY
  #cancelRetry = (): void => {}

  constructor(options: MqttBrokerOptions) {
    this.#options = options
  }

  start(events: Events): void {
    this.#events = events
    this.#open()
  }

  connected(): boolean {
    return this.#subscribed && this.#client?.connected === true
  }

  async publish(topic: string, payload: string | Uint8Array, qos: 0 | 1): Promise<void> {
    if (!this.connected()) throw new Error('not connected to the broker')
    const bytes =
      typeof payload === 'string'
        ? payload
        : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    await this.#client!.publishAsync(topic, bytes, { qos })
  }

  async stop(): Promise<void> {
    this.#events = undefined
    this.#cancelRetry()
    const client = this.#client
    this.#client = undefined
    this.#subscribed = false
    // Not waiting for what is in flight: that never ends on a dead line, and every row is sent again at the next start.
    await client?.endAsync(true).catch(() => {})
  }

  #open(): void {
    const { url, siteId, username, password, clock, random, log } = this.#options
    const client = connect(url, {
      protocolVersion: 4,
      clean: true,
      clientId: `${siteId}-${randomId(random).slice(0, 8)}`,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepalive: KEEPALIVE_S,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    })
    this.#client = client
    const openedMs = clock.mono()
    let reason = 'the connection was closed'
    client.on('error', (error) => {
      reason = error.message
    })
    client.on('message', (topic, payload) => {
      if (this.#client === client) this.#events?.onMessage(topic, payload)
    })
    client.on('connect', async () => {
      try {
        await client.subscribeAsync(downFilter(siteId), { qos: 1 })
      } catch (error) {
        reason = `the subscription was not granted: ${(error as Error).message}`
        client.end(true)
        return
      }
      if (this.#client !== client || !this.#events) return
      this.#subscribed = true
      this.#events.onConnect()
    })
    client.on('close', () => {
      if (this.#client !== client) return
      this.#client = undefined
      const wasUp = this.#subscribed
      this.#subscribed = false
      client.end(true)
      if (!this.#events) return
      if (wasUp) this.#events.onDisconnect(reason)
      if (clock.mono() - openedMs >= STABLE_AFTER_MS) this.#attempt = 0
      if (wasUp && this.#attempt === 0) this.#lostMs = clock.mono()
      const capMs = clock.mono() - this.#lostMs < HICCUP_MS ? HICCUP_CAP_MS : RECONNECT_CAP_MS
      const delayMs = fullJitterMs(this.#attempt++, RECONNECT_FIRST_MS, capMs, random)
      log.info({ siteId, reason, delayMs }, 'no connection to the broker')
      this.#cancelRetry = clock.after(delayMs, () => this.#open())
    })
  }
}
