/** The controller's broker port over the virtual broker: connects, comes back with pauses, and forgets what it could not send. */
import type { Broker } from '@switchyard/edge-controller/site-controller.ts'
import type { Random } from '../../random.ts'
import type { Mqtt, MqttClient } from '../network/mqtt.ts'
import type { Life } from './life.ts'

const HANDSHAKE_MS = 200
const RETRY_MS = 15_000

export class UplinkBroker implements Broker, MqttClient {
  readonly name: string
  readonly #siteId: string
  readonly #mqtt: Mqtt
  readonly #life: Life
  readonly #random: Random
  #events: Parameters<Broker['start']>[0] | undefined
  #isUp = false

  constructor(name: string, siteId: string, mqtt: Mqtt, life: Life, random: Random) {
    this.name = name
    this.#siteId = siteId
    this.#mqtt = mqtt
    this.#life = life
    this.#random = random
  }

  start(events: Parameters<Broker['start']>[0]): void {
    this.#events = events
    this.#connect()
  }

  connected(): boolean {
    return this.#isUp
  }

  async publish(topic: string, payload: string | Uint8Array, qos: 0 | 1): Promise<void> {
    if (!this.#isUp || !this.#life.isAlive) throw new Error('not connected to the broker')
    this.#mqtt.publish(this, topic, typeof payload === 'string' ? Buffer.from(payload) : payload, qos)
  }

  async stop(): Promise<void> {
    this.#events = undefined
    this.#isUp = false
    this.#mqtt.disconnect(this)
  }

  onMessage(topic: string, payload: Uint8Array): void {
    if (this.#life.isAlive && this.#isUp) this.#events?.onMessage(topic, payload)
  }

  onLost(reason: string): void {
    if (!this.#life.isAlive) return
    const wasUp = this.#isUp
    this.#isUp = false
    if (wasUp) this.#events?.onDisconnect(reason)
    this.#life.after(this.#random.int(500, RETRY_MS), () => this.#connect())
  }

  #connect(): void {
    if (!this.#events) return
    if (!this.#mqtt.connect(this, this.#siteId)) {
      this.#life.after(this.#random.int(500, RETRY_MS), () => this.#connect())
      return
    }
    this.#life.after(this.#random.int(1, HANDSHAKE_MS), () => {
      if (!this.#events || !this.#mqtt.isConnected(this)) return
      this.#isUp = true
      this.#events.onConnect()
    })
  }
}
