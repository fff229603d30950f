/**
 * A broker and the links to it, as bad as MQTT allows: a message may be lost even at QoS 1 (the broker drops what a slow
 * subscriber cannot take), come twice, come late; gateways share their subscription; a restart forgets everything.
 */
import { parseUpTopic } from '@switchyard/protocol/site/topics.ts'
import type { Random } from '../../random.ts'
import type { Stage } from '../stage.ts'

const FASTEST_MS = 5
const SLOWEST_MS = 120

export interface MqttClient {
  readonly name: string
  onMessage(topic: string, payload: Uint8Array): void
  onLost(reason: string): void
}

interface Connection {
  client: MqttClient
  /** Of a site: the one that its topics name. */
  siteId: string | undefined
  /** Nothing passes any more, and nobody knows. */
  isSilent: boolean
}

export class Mqtt {
  readonly #stage: Stage
  readonly #random: Random
  readonly #connections = new Map<MqttClient, Connection>()
  #isDown = false
  /** Share of messages that are lost, and that come twice. */
  lossShare = 0
  doubleShare = 0
  /** Sites whose link to the internet is down. */
  readonly cutSites = new Set<string>()

  constructor(stage: Stage) {
    this.#stage = stage
    this.#random = stage.random('mqtt')
  }

  /** False: not reachable now. */
  connect(client: MqttClient, siteId?: string): boolean {
    if (this.#isDown || (siteId !== undefined && this.cutSites.has(siteId))) return false
    this.#connections.set(client, { client, siteId, isSilent: false })
    return true
  }

  isConnected(client: MqttClient): boolean {
    return this.#connections.has(client)
  }

  disconnect(client: MqttClient): void {
    this.#connections.delete(client)
  }

  /** From one of the connected; what is published goes nowhere once the link is silent. */
  publish(from: MqttClient, topic: string, payload: Uint8Array, qos: 0 | 1): void {
    const connection = this.#connections.get(from)
    if (!connection || connection.isSilent) return
    const up = parseUpTopic(topic)
    const isOwn = connection.siteId === undefined || up?.siteId === connection.siteId
    if (!isOwn) {
      this.#stage.broken('I10', `${from.name} publishes on ${topic}`)
      return
    }
    if (this.#random.fraction() < this.lossShare) return
    this.#deliver(topic, payload)
    if (qos === 1 && this.#random.fraction() < this.doubleShare) this.#deliver(topic, payload)
  }

  /** Everybody is disconnected and everything on its way is gone. */
  restart(downMs: number): void {
    this.#isDown = true
    for (const { client } of [...this.#connections.values()]) this.#lose(client, 'the broker is gone')
    this.#stage.after(downMs, () => {
      this.#isDown = false
    })
  }

  healSite(siteId: string): void {
    this.cutSites.delete(siteId)
  }

  cutSite(siteId: string, isSilent: boolean): void {
    this.cutSites.add(siteId)
    for (const connection of [...this.#connections.values()]) {
      if (connection.siteId !== siteId) continue
      connection.isSilent = true
      // The keep-alive notices silence, after one and a half of its intervals.
      const noticedMs = isSilent ? 22_500 : this.#random.int(0, 500)
      this.#stage.after(noticedMs, () => this.#lose(connection.client, 'the link is cut'))
    }
  }

  #lose(client: MqttClient, reason: string): void {
    if (this.#connections.delete(client)) client.onLost(reason)
  }

  #deliver(topic: string, payload: Uint8Array): void {
    const latencyMs = this.#random.int(FASTEST_MS, SLOWEST_MS)
    // Now and then one is held up, and overtaken by what was sent after it.
    const heldMs = this.#random.fraction() < 0.02 ? this.#random.int(0, 20_000) : 0
    const isUp = parseUpTopic(topic) !== undefined
    const to = topic.split('/')[2]
    this.#stage.after(latencyMs + heldMs, () => {
      const takers = [...this.#connections.values()].filter(({ siteId, isSilent }) =>
        isUp ? siteId === undefined : siteId !== undefined && !isSilent && siteId === to,
      )
      // Gateways share one subscription; every client of a site has its own.
      const chosen = isUp && takers.length > 0 ? [takers[this.#random.int(0, takers.length - 1)]!] : takers
      for (const { client } of chosen) client.onMessage(topic, payload)
    })
  }
}
