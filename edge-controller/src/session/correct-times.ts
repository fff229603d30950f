/**
 * The time has become known: what was written in this boot under an unknown clock is counted back by monotonic time. Running
 * sessions get their true start; sessions that ended meanwhile are told again, as the next revision. What belongs to an earlier
 * boot stays where it is: nobody knows how long the box was off.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Draft } from '../draft.ts'
import { changeStation, type Station, stationOf } from '../station/station.ts'
import { correctEnd, presumeEnd } from './end.ts'
import {
  PROFILE_KIND,
  type ProfilePoint,
  putSession,
  type Session,
  type SessionContext,
  sessionById,
  startOf,
} from './session.ts'
import { corrected, type Moment, type Placed, place, placePresumed } from './timing.ts'

/** `before`: what our clock said just before it was corrected; `context.at` says what it says now. */
export function correctTimes(draft: Draft, context: SessionContext, before: Moment): void {
  const station = stationOf(draft, context.stationId)
  if (!station) return
  const shift = (atMs: number): number => corrected({ atMs, received: before }, context.at).atMs
  changeStation(draft, context.stationId, (it) => ({ ...it, connectors: correctMeters(it, shift) }))
  for (const sessionId of [...station.ended, ...station.running]) {
    const session = sessionById(draft, sessionId)
    if (session) correctSession(draft, context, session, shift)
  }
}

function correctMeters({ connectors }: Station, shift: (atMs: number) => number): Station['connectors'] {
  return connectors.map((it) => ({
    ...it,
    ...(it.register ? { register: { ...it.register, atMs: shift(it.register.atMs) } } : {}),
    ...(it.aboveZeroSinceMs === undefined ? {} : { aboveZeroSinceMs: shift(it.aboveZeroSinceMs) }),
  }))
}

function correctSession(
  draft: Draft,
  context: SessionContext,
  session: Session,
  shift: (atMs: number) => number,
): void {
  const { at } = context
  const start = startOf(session)
  const startNow = corrected(start, at)
  const isCorrected = startNow.received !== start.received
  const told = session.end?.told && corrected(session.end.told, at)
  if (!isCorrected && (told === undefined || told.received === session.end?.told?.received)) return
  const known: Session = {
    ...session,
    ...(isCorrected ? { correctedStart: startNow } : {}),
    ...(session.register ? { register: { ...session.register, atMs: shift(session.register.atMs) } } : {}),
    ...(session.reading ? { reading: { ...session.reading, atMs: shift(session.reading.atMs) } } : {}),
    ...(session.end && told ? { end: { ...session.end, told } } : {}),
  }
  correctProfile(draft, session.sessionId, shift)
  putSession(draft, known)
  if (!known.end) tellStart(draft, context, known)
  else if (!isPlacedBetter(session, known)) return
  else if (known.end.presumed) presumeAgain(draft, context, known)
  else correctEnd(draft, context, known)
}

/** What was billed at its true time is not told again, nor what still cannot be placed. */
function isPlacedBetter(before: Session, now: Session): boolean {
  const [was, is] = [placeEnded(before), placeEnded(now)]
  const isSame = was.startedAtMs === is.startedAtMs && was.endedAtMs === is.endedAtMs
  return is.sure && !(was.sure && isSame)
}

function placeEnded(session: Session): Placed {
  const told = session.end?.told
  return told
    ? place(startOf(session), told, session.register?.atMs)
    : placePresumed(startOf(session), session.register?.atMs)
}

function correctProfile(draft: Draft, sessionId: string, shift: (atMs: number) => number): void {
  const points = draft.get<ProfilePoint[]>(PROFILE_KIND, sessionId)
  if (!points) return
  const moved = points.map((it) => ({ ...it, at: instant(shift(Date.parse(it.at))) }))
  draft.put(PROFILE_KIND, sessionId, moved)
}

function tellStart(draft: Draft, context: SessionContext, { sessionId, correctedStart }: Session): void {
  if (!correctedStart) return
  draft.fact({
    kind: 'session.updated',
    stationId: context.stationId,
    sessionId,
    data: { startedAt: instant(correctedStart.atMs) },
  })
}

function presumeAgain(draft: Draft, context: SessionContext, session: Session): void {
  const { end, ...open } = session
  presumeEnd(draft, context, open, end?.reason ?? 'Silence')
}
