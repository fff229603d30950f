/** Who may say and hear what at the broker. The same rules are roles in Mosquitto (dynamic-security.ts) and hooks in aedes. */
import {
  DOWN_CHANNELS,
  downFilter,
  downTopic,
  TOPIC_VERSION,
  UP_CHANNELS,
  UP_FILTER,
  upTopic,
} from '@switchyard/protocol/site/topics.ts'

/** A signed-in client: the cloud itself, or one site. */
export type Identity = { kind: 'cloud' } | { kind: 'site'; siteId: string }

/** What the cloud says: to any site, downward. */
export const CLOUD_DOWN_FILTER = `csms/${TOPIC_VERSION}/+/down/#`

export function mayPublish(who: Identity, topic: string): boolean {
  if (who.kind === 'site') return UP_CHANNELS.some((it) => topic === upTopic(who.siteId, it))
  const [root, version, siteId = '', direction, channel, ...rest] = topic.split('/')
  return (
    root === 'csms' &&
    version === TOPIC_VERSION &&
    siteId !== '' &&
    direction === 'down' &&
    DOWN_CHANNELS.some((it) => it === channel) &&
    rest.length === 0
  )
}

/** Exact filters only: whatever else a filter would match is decided again at delivery. */
export function maySubscribe(who: Identity, filter: string): boolean {
  if (who.kind === 'cloud') return filter === UP_FILTER
  return filter === downFilter(who.siteId) || DOWN_CHANNELS.some((it) => filter === downTopic(who.siteId, it))
}

/** Also for what a granted filter would let through. */
export function mayReceive(who: Identity, topic: string): boolean {
  if (who.kind === 'site') return DOWN_CHANNELS.some((it) => topic === downTopic(who.siteId, it))
  const [root, version, , direction] = topic.split('/')
  return root === 'csms' && version === TOPIC_VERSION && direction === 'up'
}
