/**
 * Who speaks for a site. Journals are lanes; one lane per site has authority (commands, documents, the current picture), the
 * others are fenced: their facts are taken, nothing is sent to them. Pure: the site's row is locked by the caller.
 */
import { mutated } from '../mutation.ts'

/** A lane unheard for so long speaks no more: authority may pass, and its picture says nothing about now. At least three pictures. */
export const PRESENCE_EXPIRY_MS = 30_000
/**
 * A site unheard for so long is told to be offline. Two pictures and a little: a link that fails for ten seconds just before a picture
 * is back in time (8 + 10 s, and two for coming back). Sooner than authority passes, for being told so changes nothing at the site.
 */
export const OFFLINE_AFTER_MS = 20_000
/** What one box said as its old journal may be heard so long after it said hello with a new one. At least one picture. */
export const LATE_PICTURE_MS = 10_000

export interface SiteAuthority {
  /** The lane in authority; null before the first hello. */
  journalId: string | null
  /** Highest epoch that either side has seen. */
  epoch: number
  lastHeardMs: number | null
}
export interface LaneState {
  epoch: number
  fenced: boolean
  /** When it first said hello. */
  firstHelloMs?: number | undefined
}
export interface Greeting {
  journalId: string
  /** Epoch that the site remembers. */
  epoch: number
  /** The box that says hello is the one that spoke as the lane in authority last, and has given that journal up. */
  succeeds?: boolean | undefined
}

export interface Grant {
  authority: boolean
  /** Epoch of this lane from now on. */
  epoch: number
  /** The site's row afterwards. */
  site: { journalId: string | null; epoch: number }
  /** The lane that loses authority by this grant. */
  fences: string | undefined
  /** Set when this lane is fenced now and was not before: why. */
  fencedBecause: string | undefined
}

/**
 * Grants, or fences. A hello of the lane in authority keeps its epoch, unless the site remembers a higher one (the cloud was
 * restored from a backup). A new journal takes authority where there is none yet, where its box gave up the journal in authority
 * for it (a fork), and where the lane in authority has been silent past presence expiry (a new card, a reflash), be it only
 * after the new one appeared. A lane once heard beside another stays fenced until an operator gives it authority.
 * Asking twice gives the same answer: after the first grant the lane is in authority, at an epoch not below the hello's.
 */
export function grant(
  site: SiteAuthority,
  lane: LaneState | undefined,
  hello: Greeting,
  nowMs: number,
): Grant {
  const seen = Math.max(site.epoch, hello.epoch)
  if (site.journalId === hello.journalId) {
    const epoch = lane && lane.epoch >= hello.epoch && !mutated('grant-anew') ? lane.epoch : seen + 1
    return authorityAt(epoch, undefined)
  }
  if (mutated('no-fence')) return authorityAt(seen + 1, site.journalId ?? undefined)
  const isNew = lane === undefined || (lane.fenced && isUnrivalled(site, lane))
  const isFree = site.journalId === null || isSilent(site, nowMs) || (lane === undefined && hello.succeeds)
  if (isNew && isFree) return authorityAt(Math.max(seen, lane?.epoch ?? 0) + 1, site.journalId ?? undefined)
  return {
    authority: false,
    epoch: Math.max(lane?.epoch ?? 0, hello.epoch),
    site: { journalId: site.journalId, epoch: seen },
    fences: undefined,
    fencedBecause: lane?.fenced
      ? undefined
      : `journal ${site.journalId} has authority and was heard ${Math.round((nowMs - (site.lastHeardMs ?? nowMs)) / 1000)} s ago`,
  }

  function authorityAt(epoch: number, fences: string | undefined): Grant {
    return {
      authority: true,
      epoch,
      site: { journalId: hello.journalId, epoch: Math.max(seen, epoch) },
      fences,
      fencedBecause: undefined,
    }
  }
}

/** An operator gives authority to a lane that is known: a new epoch, above every one that either side has seen. */
export function give(site: SiteAuthority, journalId: string, lane: LaneState): Omit<Grant, 'fencedBecause'> {
  if (site.journalId === journalId)
    return { authority: true, epoch: lane.epoch, site: { journalId, epoch: site.epoch }, fences: undefined }
  const epoch = Math.max(site.epoch, lane.epoch) + 1
  return { authority: true, epoch, site: { journalId, epoch }, fences: site.journalId ?? undefined }
}

/** Nothing was heard of the lane in authority since this one appeared. */
export function isUnrivalled(site: SiteAuthority, lane: LaneState): boolean {
  return (
    lane.firstHelloMs !== undefined &&
    (site.lastHeardMs === null || site.lastHeardMs <= lane.firstHelloMs + LATE_PICTURE_MS)
  )
}

export function isSilent(site: SiteAuthority, nowMs: number): boolean {
  return site.lastHeardMs === null || nowMs - site.lastHeardMs > PRESENCE_EXPIRY_MS
}
