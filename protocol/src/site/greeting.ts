/**
 * What a hello means, decided in one place for gateway, tests and simulator: has the history parted from what is held, who has
 * authority, and is there perhaps another box that speaks with the same journal. Pure; the caller keeps the outcome.
 *
 * A box shows by its boot id whether it is the one that spoke last. After a restart the id is another one, and after the cloning
 * of a card too: so whoever spoke before is recalled. A box that is gone does not answer. One that is there marks its history
 * with a row of its own, and from then on the two can be told apart.
 */
import type { Hello, Welcome } from './envelope.ts'
import { STREAMS } from './fact.ts'
import { isLostId } from './fork.ts'
import {
  type Grant,
  grant,
  isSilent,
  type LaneState,
  PRESENCE_EXPIRY_MS,
  type SiteAuthority,
} from './grant.ts'

/** A box whose journal another one may have too keeps its rows for so long: time for that one to mark its history. */
export const HOLD_MS = 2_000

export interface Lane extends LaneState {
  firstHelloMs: number
  helloMs: number
  /** Boot and conversation that spoke with this journal last; null: not known. */
  bootId: string | null
  nonce: string
  /** Token of the last recall, and when: another box had just said hello with this journal. */
  recall: { token: string; atMs: number } | null
}

export interface KnownOfSite {
  site: SiteAuthority
  /** Lane of the journal that says hello. */
  lane: Lane | undefined
  /** Lane in authority. */
  inAuthority: Lane | undefined
  /** A direct site: who speaks for it holds its lease, by which its journal is fenced, and nobody else can be there. */
  leased?: boolean
}

export interface Reception {
  /** The histories have parted: site and presence stay as they are, nothing is taken. */
  forked: boolean
  /** Absent when forked. */
  granted: Grant | undefined
  /** How authority came to this lane, when it did so now. */
  came: 'first' | 'replaced' | 'forked' | undefined
  /** Epoch that the welcome names. */
  epoch: number
  /** The lane as it is to be kept; undefined: it is not kept. */
  lane: Lane | undefined
  /** To be sent to the conversation that this one replaces. */
  recall: { epoch: number; nonce: string; token: string } | undefined
  holdMs: number
}

type Said = Pick<
  Hello,
  'journalId' | 'epoch' | 'bootId' | 'nonce' | 'heads' | 'probe' | 'forkedFrom' | 'recall'
>

/** `held`: last row of each stream of this journal; `token` is fresh and random. */
export function receive(
  known: KnownOfSite,
  held: Welcome['expected'],
  hello: Said,
  nowMs: number,
  token: string,
): Reception {
  const { site, lane, inAuthority, leased = false } = known
  if (hello.probe || hasParted(hello.heads, held)) {
    // What this box sent in its last conversation is not taken any more: it is about to give these rows to another journal.
    const own = lane && lane.bootId === hello.bootId ? { ...lane, nonce: hello.nonce } : undefined
    return {
      forked: true,
      granted: undefined,
      came: undefined,
      epoch: lane?.epoch ?? hello.epoch,
      lane: own,
      recall: undefined,
      holdMs: 0,
    }
  }
  const isOther = lane !== undefined && lane.bootId !== null && lane.bootId !== hello.bootId
  const answers = lane?.recall != null && hello.recall === lane.recall.token
  // Whoever spoke with the journal in authority and was not heard for long is gone, or cut off. Of others it is not known.
  const mayBeThere = !leased && (site.journalId !== hello.journalId || !isSilent(site, nowMs))
  const recall =
    isOther && !answers && mayBeThere ? { epoch: lane.epoch, nonce: lane.nonce, token } : undefined
  const succeeds =
    hello.forkedFrom !== undefined &&
    hello.forkedFrom === site.journalId &&
    inAuthority?.bootId === hello.bootId &&
    !isContested(inAuthority, nowMs)
  const granted = grant(site, lane, { ...hello, succeeds }, nowMs)
  return {
    forked: false,
    granted,
    came: cameBy(site, granted, hello),
    epoch: granted.epoch,
    lane: {
      epoch: granted.epoch,
      fenced: !granted.authority,
      firstHelloMs: lane?.firstHelloMs ?? nowMs,
      helloMs: nowMs,
      bootId: hello.bootId,
      nonce: hello.nonce,
      recall: recall ? { token, atMs: nowMs } : answers ? null : (lane?.recall ?? null),
    },
    recall,
    holdMs: recall ? HOLD_MS : 0,
  }
}

/** The site's head is behind what is held, or is another row: one of them is from another life of this journal. */
export function hasParted(heads: Hello['heads'], held: Welcome['expected']): boolean {
  return STREAMS.some((stream) => {
    const [at, last] = [heads[stream], held[stream]]
    return at.seq < last.seq || (at.seq === last.seq && at.rowId !== last.rowId && !isLostId(at.rowId))
  })
}

/** Another box spoke with this journal just before, and may still answer. */
function isContested(lane: Lane, nowMs: number): boolean {
  return lane.recall !== null && nowMs - lane.recall.atMs <= PRESENCE_EXPIRY_MS
}

function cameBy(site: SiteAuthority, granted: Grant, hello: Said): Reception['came'] {
  if (!granted.authority || site.journalId === hello.journalId) return undefined
  if (site.journalId === null) return 'first'
  return hello.forkedFrom === site.journalId ? 'forked' : 'replaced'
}
