/** Messages to sites: each names its conversation, so that one of an earlier life is ignored there. */
import { PROTOCOL_VERSION } from '@switchyard/protocol/site/envelope.ts'
import { type DownChannel, downTopic } from '@switchyard/protocol/site/topics.ts'
import { BUS } from '../platform/bus.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversation } from './conversation.ts'
import type { Link } from './link.ts'

export type Send = (
  to: Pick<Conversation, 'siteId' | 'journalId' | 'epoch' | 'nonce'>,
  channel: DownChannel,
  message: object,
) => void

/** Sites of which it is remembered how they are reached, which never changes; the oldest go first. */
const MAX_KEPT = 50_000

/**
 * Handed to the broker (of a direct site: to the bus) or dropped: every message down here has something above it that sends it
 * again.
 */
export function createSend(
  link: Pick<Link, 'publish'>,
  { sql, bus, log }: Pick<ServiceContext, 'sql' | 'bus' | 'log'>,
): Send {
  /** A promise while it is being asked: what is to be sent meanwhile follows in its order. */
  const direct = new Map<string, boolean | Promise<boolean>>()

  function isDirect(siteId: string): boolean | Promise<boolean> {
    const known = direct.get(siteId)
    if (known !== undefined) return known
    const asked = sql<{ direct: boolean }[]>`
      select direct from site_gateway.site where site_id = ${siteId}`.then(
      ([row]) => {
        direct.set(siteId, row?.direct ?? false)
        return row?.direct ?? false
      },
      (error: unknown) => {
        direct.delete(siteId)
        throw error
      },
    )
    direct.set(siteId, asked)
    for (const oldest of direct.keys()) {
      if (direct.size <= MAX_KEPT) break
      direct.delete(oldest)
    }
    return asked
  }

  return ({ siteId, journalId, epoch, nonce }, channel, message) => {
    const text = JSON.stringify({ v: PROTOCOL_VERSION, journalId, epoch, nonce, ...message })
    const go = (overBus: boolean): void => {
      if (overBus) bus.publish(BUS.siteDown(siteId), { channel, text })
      else link.publish(downTopic(siteId, channel), text, channel === 'answer' ? 0 : 1)
    }
    const how = isDirect(siteId)
    if (typeof how === 'boolean') go(how)
    else
      how.then(go, (error: unknown) =>
        log.warn({ ...faultOf(error), siteId, channel }, 'a message to a site was not sent'),
      )
  }
}
