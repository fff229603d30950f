/** Readings of a running session. */
import { instant } from '@switchyard/protocol/instant.ts'
import { type FactData, MAX_PROFILE_POINTS, type ReviewReason } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { changeStation } from '../station/station.ts'
import { checkStep, type RegisterAt } from './plausibility.ts'
import { currentOf, keptValues, powerOf, type Reading, registerOf, socOf } from './reading.ts'
import {
  type Metered,
  meteredOf,
  PROFILE_KIND,
  type ProfilePoint,
  putMetered,
  putUnmetered,
  type SessionContext,
  type Unmetered,
  withReasons,
} from './session.ts'
import { takeSigned } from './signed.ts'
import { isPlausible } from './timing.ts'

/** Tariffs change at quarter hours; the first register in each is kept in the ledger. */
const QUARTER_MS = 15 * 60_000

/**
 * Takes readings of a session, oldest first. A reading without a register leaves the session's energy as it was; one from an
 * unset clock counts as of now; one that was taken before is not taken again.
 */
export function takeReadings(
  draft: Draft,
  context: SessionContext,
  session: Unmetered,
  readings: readonly Reading[],
): void {
  let taken = session
  let metered = meteredOf(draft, session)
  const inOrder = [...readings].sort((a, b) => a.atMs - b.atMs)
  for (const reading of inOrder) {
    const atMs = isPlausible(reading.atMs, context.at) ? reading.atMs : context.at.nowMs
    const registerMilliWh = registerOf(reading.values)
    const powerW = powerOf(reading.values)
    // What tells a resent reading from another one of the same instant.
    const readingKey = `${atMs}/${reading.values.length}/${registerMilliWh}/${powerW}`
    if (metered.readingKey === readingKey) continue
    if (taken.end?.presumed && atMs > taken.end.endedAtMs) taken = resume(draft, taken)
    if (!metered.register && registerMilliWh !== undefined && taken.startRegisterMilliWh === undefined)
      taken = { ...taken, firstRegisterMilliWh: registerMilliWh }
    const { session: told, values } = takeSigned(draft, taken, { atMs, values: reading.values })
    const measured = { atMs, values, registerMilliWh, powerW, readingKey }
    const { next, reasons } = takeReading(draft, context, told, metered, measured)
    metered = next
    taken = reasons.length === 0 ? told : { ...told, review: withReasons(told.review, reasons) }
  }
  putMetered(draft, session.sessionId, metered)
  if (taken !== session) putUnmetered(draft, taken)
}

/** Readings after a presumed end: it was no end. The session runs again, and its next end is the next revision. */
function resume(draft: Draft, session: Unmetered): Unmetered {
  const { end: _presumed, ...running } = session
  const { stationId, sessionId } = session
  changeStation(draft, stationId, (station) => ({
    ...station,
    running: [...station.running, sessionId],
    ended: station.ended.filter((id) => id !== sessionId),
    connectors: station.connectors.map((c) =>
      c.evseId === session.evseId && c.connectorId === session.connectorId && c.sessionId === undefined
        ? { ...c, sessionId }
        : c,
    ),
  }))
  return running
}

/** A reading with what its session reads from it. */
interface Measured extends Reading {
  registerMilliWh: number | undefined
  powerW: number | undefined
  readingKey: string
}

function takeReading(
  draft: Draft,
  context: SessionContext,
  session: Unmetered,
  before: Metered,
  { atMs, values, registerMilliWh, powerW, readingKey }: Measured,
): { next: Metered; reasons: readonly ReviewReason[] } {
  const currentMa = currentOf(values)
  const socPercent = socOf(values)
  const { stationId, sessionId } = session
  const data: FactData<'session.meter'> = {
    at: instant(atMs),
    evseId: session.evseId,
    connectorId: session.connectorId,
    values: keptValues(values),
  }
  if (registerMilliWh !== undefined) data.registerMilliWh = registerMilliWh
  if (powerW !== undefined) data.powerW = powerW
  if (currentMa !== undefined) data.currentMa = currentMa
  if (socPercent !== undefined) data.socPercent = socPercent
  draft.fact({ kind: 'session.meter', stationId, sessionId, data })
  const moved =
    registerMilliWh === undefined
      ? undefined
      : takeRegister(draft, context, session, before.register, { atMs, milliWh: registerMilliWh })
  // Readings of a queue arrive after live ones: only a newer one, or one that shows more energy, is the present.
  const isPresent = moved !== undefined || atMs >= (before.reading?.atMs ?? 0)
  const last = before.reading
  const reading = {
    atMs,
    powerW: powerW ?? last?.powerW,
    currentMa: currentMa ?? last?.currentMa,
    socPercent: socPercent ?? last?.socPercent,
  }
  return {
    next: {
      register: moved?.register ?? before.register,
      reading: isPresent ? reading : last,
      readingKey,
    },
    reasons: moved?.reasons ?? NO_REASONS,
  }
}

const NO_REASONS: readonly ReviewReason[] = []

/** Where the register stands after it; undefined where that is where it was. */
function takeRegister(
  draft: Draft,
  context: SessionContext,
  session: Unmetered,
  before: Metered['register'],
  { atMs, milliWh }: RegisterAt,
): { register: RegisterAt; reasons: readonly ReviewReason[] } | undefined {
  addProfilePoint(draft, session, atMs, milliWh)
  // Older and not above the newest: out of a queue. Older and above it: the station's clock was set back.
  if (before && atMs < before.atMs && milliWh <= before.milliWh) return undefined
  const register = { atMs: before && atMs < before.atMs ? latest(before.atMs, context) : atMs, milliWh }
  return { register, reasons: before ? checkStep(before, register, context.maxPowerW, false) : NO_REASONS }
}

function latest(atMs: number, { at }: SessionContext): number {
  return at.quality === 'unknown' ? atMs : Math.max(atMs, at.nowMs)
}

/** Keeps the first register of each quarter hour, in order of time, at most MAX_PROFILE_POINTS: then no more are kept. */
function addProfilePoint(draft: Draft, session: Unmetered, atMs: number, milliWh: number): void {
  const quarter = Math.floor(atMs / QUARTER_MS)
  // The start register stands for the quarter of the start, unless the reading is on the quarter itself.
  if (quarter <= Math.floor(session.startedAtMs / QUARTER_MS)) return
  const profile = profileOf(draft, session)
  const from = instant(quarter * QUARTER_MS)
  const to = instant((quarter + 1) * QUARTER_MS)
  if (profile.length >= MAX_PROFILE_POINTS || profile.some((p) => p.at >= from && p.at < to)) return
  const point = { at: instant(atMs), registerMilliWh: milliWh }
  const later = profile.findIndex((p) => p.at > point.at)
  const at = later < 0 ? profile.length : later
  draft.put(PROFILE_KIND, session.sessionId, [...profile.slice(0, at), point, ...profile.slice(at)])
  draft.fact({
    kind: 'session.register',
    stationId: session.stationId,
    sessionId: session.sessionId,
    data: point,
  })
}

export function profileOf(draft: Draft, { sessionId }: { sessionId: string }): ProfilePoint[] {
  return draft.get<ProfilePoint[]>(PROFILE_KIND, sessionId) ?? []
}
