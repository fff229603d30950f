/** MQTT topics between a site and the cloud. The site id is read from the topic, which the broker guards, never from a payload. */

/** Version in the topic; a change of it is a change no older peer can read. */
export const TOPIC_VERSION = '1'

/** Site id: what may stand as one topic level and as an MQTT user name. */
export const SITE_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

export const UP_CHANNELS = ['hello', 'ledger', 'telemetry', 'live', 'ask'] as const
export const DOWN_CHANNELS = ['welcome', 'ack', 'command', 'document', 'answer', 'recall'] as const
export type UpChannel = (typeof UP_CHANNELS)[number]
export type DownChannel = (typeof DOWN_CHANNELS)[number]

export function upTopic(siteId: string, channel: UpChannel): string {
  return `csms/${TOPIC_VERSION}/${siteId}/up/${channel}`
}

export function downTopic(siteId: string, channel: DownChannel): string {
  return `csms/${TOPIC_VERSION}/${siteId}/down/${channel}`
}

/** What a site subscribes to, before its hello. */
export function downFilter(siteId: string): string {
  return `csms/${TOPIC_VERSION}/${siteId}/down/#`
}

/** What the cloud subscribes to: every site's upward messages. */
export const UP_FILTER = `csms/${TOPIC_VERSION}/+/up/#`

/** Takes an upward topic apart; undefined when it is none of ours. */
export function parseUpTopic(topic: string): { siteId: string; channel: UpChannel } | undefined {
  const [root, version, siteId, direction, channel, ...rest] = topic.split('/')
  if (root !== 'csms' || version !== TOPIC_VERSION || direction !== 'up' || rest.length > 0) return undefined
  if (siteId === undefined || !SITE_ID_PATTERN.test(siteId)) return undefined
  const known = UP_CHANNELS.find((c) => c === channel)
  return known && { siteId, channel: known }
}

/** Takes a downward topic apart, for the site; undefined when it is none of that site's. */
export function parseDownTopic(topic: string, siteId: string): DownChannel | undefined {
  return DOWN_CHANNELS.find((c) => topic === downTopic(siteId, c))
}
