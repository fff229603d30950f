/** Messages to sites: each names its conversation, so that one of an earlier life is ignored there. */
import { PROTOCOL_VERSION } from '@switchyard/protocol/site/envelope.ts'
import { type DownChannel, downTopic } from '@switchyard/protocol/site/topics.ts'
import type { Conversation } from './conversation.ts'
import type { Link } from './link.ts'

export type Send = (
  to: Pick<Conversation, 'siteId' | 'journalId' | 'epoch' | 'nonce'>,
  channel: DownChannel,
  message: object,
) => void

/** Handed to the broker or dropped: every message down here has something above it that sends it again. */
export function createSend(link: Pick<Link, 'publish'>): Send {
  return ({ siteId, journalId, epoch, nonce }, channel, message) =>
    link.publish(
      downTopic(siteId, channel),
      JSON.stringify({ v: PROTOCOL_VERSION, journalId, epoch, nonce, ...message }),
      channel === 'answer' ? 0 : 1,
    )
}
