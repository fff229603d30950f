/**
 * Who speaks for a site. Journals are lanes; one lane per site has authority (commands, documents, the current picture), the
 * others are fenced: their facts are taken, nothing is sent to them. Pure: the site's row is locked by the caller.
 */
import { LIVE_INTERVAL_MS } from './live.ts'

/** A site unheard for three pictures is offline. */
export const PRESENCE_EXPIRY_MS = 3 * LIVE_INTERVAL_MS

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
}
export interface Greeting {
  journalId: string
  /** Epoch that the site remembers. */
  epoch: number
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
 * restored from a backup). A new journal takes authority only where there is none yet, or where the lane that had it has been
 * silent past presence expiry (a new card, a reflash). A lane once fenced stays so until an operator gives authority back.
 * Asking twice gives the same answer: after the first grant the lane is in authority, at an epoch not below the hello's.
 *
 * Left for later: checkpoints decide whether a silent predecessor was cloned rather than replaced.
 */
export function grant(
  site: SiteAuthority,
  lane: LaneState | undefined,
  hello: Greeting,
  nowMs: number,
): Grant {
  const seen = Math.max(site.epoch, hello.epoch)
  if (site.journalId === hello.journalId) {
    const epoch = lane && lane.epoch >= hello.epoch ? lane.epoch : seen + 1
    return authorityAt(epoch, undefined)
  }
  if (lane === undefined && site.journalId === null) return authorityAt(seen + 1, undefined)
  if (lane === undefined && silent()) return authorityAt(seen + 1, site.journalId ?? undefined)
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

  function silent(): boolean {
    return site.lastHeardMs === null || nowMs - site.lastHeardMs > PRESENCE_EXPIRY_MS
  }
}
