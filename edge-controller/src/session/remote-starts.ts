/**
 * Remote starts under way (1.6 section 5.11, 2.x use cases F01, F02): entities of kind `remote-start`. The cloud has decided on the
 * token, though it may stand in no document: a station that asks again (1.6 AuthorizeRemoteTxRequests, 2.x AuthorizeRemoteStart) is
 * answered with that decision, also after a restart; and the session that follows is known to be the command's, by its id (2.x) or by
 * its token (1.6).
 */
import type { Draft, StateReader } from '../draft.ts'
import type { SiteState } from '../site-state.ts'
import { isPlausible, type Moment } from './timing.ts'

export const REMOTE_START_KIND = 'remote-start'
/** How long a remote start vouches for its token: cable and car need some minutes. */
export const VOUCHED_MS = 5 * 60_000
/** Tokens of a site that are vouched for at a time; the oldest goes first. */
export const VOUCHED_MAX = 256
/** Remote starts of one token at one station at a time; the oldest goes first. */
export const STARTS_OF_TOKEN_MAX = 8
/** A station's clock may be so far behind ours: a start that is told to be older is not the command's. */
const CLOCK_SLACK_MS = 60_000

/** What a remote start asks of a station. */
export interface RemoteStart {
  commandId: string
  token: string
  /** 2.x: the station names it. */
  remoteStartId?: number
  /** Where; absent: anywhere. */
  evseId?: number
}

interface Vouched extends RemoteStart {
  at: Pick<Moment, 'bootId' | 'monoMs' | 'nowMs'>
  /** A session has begun by it. */
  isUsed?: boolean
}

interface OfToken {
  id: string
  starts: Vouched[]
}

/** The remote start is about to be sent. */
export function vouch(
  draft: Draft,
  state: SiteState,
  stationId: string,
  start: RemoteStart,
  at: Moment,
): void {
  const id = idOf(stationId, start.token)
  const { bootId, monoMs, nowMs } = at
  const others = state.list<OfToken>(REMOTE_START_KIND).filter((it) => it.id !== id)
  const live = others.filter((it) => it.starts.some((one) => holds(one, at)))
  live.sort((a, b) => a.starts.at(-1)!.at.nowMs - b.starts.at(-1)!.at.nowMs)
  const surplus = live.slice(0, Math.max(0, live.length + 1 - VOUCHED_MAX))
  for (const it of others)
    if (!live.includes(it) || surplus.includes(it)) draft.remove(REMOTE_START_KIND, it.id)
  const starts = [...current(draft, id, at), { ...start, at: { bootId, monoMs, nowMs } }]
  put(draft, id, starts.slice(-STARTS_OF_TOKEN_MAX))
}

/** It came to nothing; what an earlier one has vouched for stands. */
export function withdraw(draft: Draft, stationId: string, { token, commandId }: RemoteStart): void {
  const id = idOf(stationId, token)
  const starts = draft.get<OfToken>(REMOTE_START_KIND, id)?.starts ?? []
  const meant = starts.findLast((it) => it.commandId === commandId)
  put(
    draft,
    id,
    starts.filter((it) => it !== meant),
  )
}

export function isVouchedFor(state: StateReader, stationId: string, token: string, at: Moment): boolean {
  return current(state, idOf(stationId, token), at).length > 0
}

/** What a station tells of a start. */
interface Told {
  token: string | undefined
  remoteStartId?: number | undefined
  evseId: number
  /** The station's timestamp, ms. */
  atMs: number
}

/**
 * The command that a session was started by, where one was: it is used up by it. Where the station names an id, that one (F01,
 * F02); else the oldest one of the token for the place, unless the start is older than it.
 */
export function takeRemoteStart(
  draft: Draft,
  { stationId, at }: { stationId: string; at: Moment },
  { token, remoteStartId, evseId, atMs }: Told,
): string | undefined {
  if (token === undefined) return undefined
  const id = idOf(stationId, token)
  const starts = current(draft, id, at)
  const isMeant = (it: Vouched): boolean => {
    if (it.isUsed) return false
    if (it.remoteStartId !== undefined) return it.remoteStartId === remoteStartId
    const isOlder = isPlausible(atMs, at) && atMs < it.at.nowMs - CLOCK_SLACK_MS
    return !isOlder && (it.evseId === undefined || it.evseId === evseId)
  }
  const meant = starts.find(isMeant)
  if (!meant) return undefined
  put(
    draft,
    id,
    starts.map((it) => (it === meant ? { ...it, isUsed: true } : it)),
  )
  return meant.commandId
}

function current(state: StateReader, id: string, at: Moment): Vouched[] {
  return (state.get<OfToken>(REMOTE_START_KIND, id)?.starts ?? []).filter((it) => holds(it, at))
}

/** After a restart only the wall clock says how long ago it was. */
function holds({ at: since }: Vouched, now: Moment): boolean {
  const agoMs = since.bootId === now.bootId ? now.monoMs - since.monoMs : now.nowMs - since.nowMs
  return agoMs >= 0 && agoMs < VOUCHED_MS
}

function put(draft: Draft, id: string, starts: Vouched[]): void {
  if (starts.length > 0) draft.put(REMOTE_START_KIND, id, { id, starts })
  else draft.remove(REMOTE_START_KIND, id)
}

function idOf(stationId: string, token: string): string {
  return `${stationId}/${token.toLowerCase()}`
}
