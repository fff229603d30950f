/**
 * The broker port of a hosted controller: up by HTTP to site-gateway, down over the bus. A pipe as MQTT is: what it takes is no
 * acknowledgement of anything, and what is lost is sent again by the conversation above it.
 */
import type { Broker } from '@switchyard/edge-controller/site-controller.ts'
import { DOWN_CHANNELS, downTopic, parseUpTopic } from '@switchyard/protocol/site/topics.ts'
import { z } from 'zod'
import { BUS } from '../platform/bus.ts'
import type { ServiceContext } from '../platform/service.ts'

/** Between a message that did not arrive and the next hello; spread evenly up to twice as long. */
const RECONNECT_MS = 1_000
/** Longest that a message may take. */
const SEND_TIMEOUT_MS = 10_000

const down = z.object({ channel: z.enum(DOWN_CHANNELS), text: z.string() })

export function createServiceBroker(
  { bus, clock, random, client, log }: ServiceContext,
  { siteId, tenantId }: { siteId: string; tenantId: string },
): Broker {
  const gateway = client('site-gateway')
  let events: Parameters<Broker['start']>[0] | undefined
  let connected = false
  let cancelReconnect = (): void => {}
  let unsubscribe = (): void => {}

  function connect(): void {
    if (!events) return
    connected = true
    events.onConnect()
  }

  function lost(reason: string): void {
    if (!connected || !events) return
    connected = false
    log.info({ siteId, reason }, 'a hosted controller does not reach site-gateway; trying again')
    cancelReconnect = clock.after(RECONNECT_MS + random.below(RECONNECT_MS), connect)
    events.onDisconnect(reason)
  }

  return {
    start(given) {
      events = given
      unsubscribe = bus.subscribe(BUS.siteDown(siteId), (message) => {
        const read = down.safeParse(message)
        if (connected && read.success)
          events?.onMessage(downTopic(siteId, read.data.channel), Buffer.from(read.data.text))
      })
      // Not within the call that starts it.
      cancelReconnect = clock.after(0, connect)
    },
    connected: () => connected,
    async publish(topic, payload) {
      const channel = parseUpTopic(topic)?.channel
      if (!connected || channel === undefined) throw new Error('not connected to site-gateway')
      try {
        const path = `/v1/up/${encodeURIComponent(siteId)}/${channel}`
        const request = {
          method: 'POST' as const,
          body: payload,
          headers: { 'content-type': 'application/octet-stream' },
          timeoutMs: SEND_TIMEOUT_MS,
        }
        const response = await gateway.fetch(path, { tenantId, actor: 'ocpp-gateway' }, request)
        await response.body?.cancel()
        if (!response.ok) throw new Error(`site-gateway answered ${response.status}`)
      } catch (error) {
        lost((error as Error).message)
        throw error
      }
    },
    async stop() {
      events = undefined
      connected = false
      cancelReconnect()
      unsubscribe()
    },
  }
}
