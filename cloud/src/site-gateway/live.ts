/** Live pictures of sites: to the bus, for the stream to browsers and for whoever comes later. The ledger is the truth. */
import { PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import { type Live, live } from '@switchyard/protocol/site/live.ts'
import { BUS } from '../platform/bus.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversation, Conversations } from './conversation.ts'

/** Most sites whose newest picture's number is kept; the oldest go first. */
const MAX_KEPT = 50_000

export interface LivePictures {
  take(siteId: string, payload: Buffer): Promise<void>
}

export function createLivePictures(
  { bus, log }: Pick<ServiceContext, 'bus' | 'log'>,
  conversations: Conversations,
  heard: (siteId: string) => void,
  shownOf: (siteId: string, picture: Live) => void,
): LivePictures {
  const newest = new Map<string, { bootId: string; n: number }>()

  /** A picture older than one of the same boot that was shown already. */
  function outdated(siteId: string, { bootId, n }: Live): boolean {
    const before = newest.get(siteId)
    if (before?.bootId === bootId && before.n >= n) return true
    newest.delete(siteId)
    newest.set(siteId, { bootId, n })
    for (const oldest of newest.keys()) {
      if (newest.size <= MAX_KEPT) break
      newest.delete(oldest)
    }
    return false
  }

  /** Only the lane in authority sets the current picture (invariant I8), and of two boxes with its journal the one that spoke last. */
  async function authority(siteId: string, picture: Live): Promise<Conversation | undefined> {
    const held = await conversations.authorityOf(siteId)
    if (held && speaks(held, picture)) return held
    conversations.forget(siteId)
    const again = await conversations.authorityOf(siteId)
    return again && speaks(again, picture) ? again : undefined
  }

  return {
    async take(siteId, payload) {
      const read = live.safeParse(parse(payload))
      if (!read.success) {
        log.warn({ siteId, reason: read.error.issues[0]?.message }, 'a live picture cannot be read')
        return
      }
      const picture = read.data
      const conversation = await authority(siteId, picture)
      if (!conversation || outdated(siteId, picture)) return
      heard(siteId)
      shownOf(siteId, picture)
      const shown = { ...picture, siteId }
      await bus.put(BUS.livePicture(siteId), shown, PRESENCE_EXPIRY_MS)
      bus.publish(BUS.live(conversation.tenantId), { ...shown, tenantId: conversation.tenantId })
    },
  }
}

function speaks({ journalId, epoch, bootId }: Conversation, picture: Live): boolean {
  return (
    journalId === picture.journalId &&
    epoch === picture.epoch &&
    (bootId === null || bootId === picture.bootId)
  )
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    return undefined
  }
}
