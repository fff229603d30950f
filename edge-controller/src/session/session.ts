/** A charging session as the site keeps it: entities of kind `session`, `session.metered`, `session.profile`, `session.tariff` and `transaction`. */
import type { FactData, IdToken, ReviewReason } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../draft.ts'
import type { ChargingNeeds } from '../load/charging-plan.ts'
import { connectorOf, stationOf } from '../station/station.ts'
import type { TokenStatus } from './authorize.ts'
import type { EventNumbers } from './event-numbers.ts'
import type { SignedSoFar } from './signed.ts'
import type { Moment, TimedAt } from './timing.ts'

export const SESSION_KIND = 'session'
/**
 * What a reading changes of a session, apart from it: writing all of the session with every reading was an eighth of what a message
 * costs (measured).
 */
const METERED_KIND = 'session.metered'
/** Register points of a session, apart from it: they change once in a quarter hour. */
export const PROFILE_KIND = 'session.profile'
/** The tariff of a session's start (see cost.ts), apart from it: it does not change. */
export const TARIFF_KIND = 'session.tariff'
/** `stationId/transactionId` -> session id. */
export const TRANSACTION_KIND = 'transaction'

export interface SessionEnd {
  endedAtMs: number
  registerMilliWh?: number
  /** The station told no register: the last one that was known stands for it. */
  registerUntold?: boolean
  reason: string
  presumed: boolean
  /** What the station said of it while our clock was unknown: it is placed anew once the time is known. */
  told?: TimedAt
}

export interface Session {
  sessionId: string
  stationId: string
  /** 0 while the station has not said where (2.x: identity before the plug). */
  evseId: number
  connectorId: number
  /** OCPP's own id of it, as text. */
  transactionId: string
  /** The station's timestamp of the start, ms. */
  startedAtMs: number
  /** When the start was received. */
  received: Moment
  /** The start as it is known since our clock was corrected (see correct-times.ts). */
  correctedStart?: TimedAt
  idToken?: IdToken
  /** Accepted, or why not; OCPP's words. */
  authorization: string
  /** Nobody could be asked about its token: it charges by the offline policy. */
  onTrust?: boolean
  startRegisterMilliWh?: number
  /** The first register that was told of it, where the one of its start was not known then. */
  firstRegisterMilliWh?: number
  /** These three as Metered has them. */
  register?: NonNullable<Metered['register']>
  reading?: LastReading
  readingKey?: string
  chargingState?: string
  /** What its car has told that it needs (2.x, K15). */
  needs?: ChargingNeeds
  /**
   * The most that its car has told that it takes, mA, and was offered where the site has no limit; and the most that it may plan,
   * where amperes of a plan may be those of its direct current.
   */
  taken?: { mostMa: number; planMa: number }
  remoteStartId?: number
  /** The command that it was started by. */
  commandId?: string
  offline: boolean
  /** Which of its events have come (2.x, see event-numbers.ts). */
  events?: EventNumbers
  /** What the station was told of its token since it was accepted, where that changed. */
  toldStatus?: TokenStatus
  /** What its driver was last told to be shown (2.x), where that was anything. */
  toldMessage?: string
  /** Its signed meter values so far (see signed.ts). */
  signed?: SignedSoFar
  review: ReviewReason[]
  /** What a resent start looks like (1.6), or the newest event (2.x). */
  resendKey?: string
  /** Its connector has become available again while it ran: now, or by a status that is dated before its start. */
  connectorFree?: 'now' | 'dated-before'
  /** Ends told so far. */
  revision: number
  end?: SessionEnd
}

/**
 * What METERED_KIND holds, all of it replaced by every reading: one shape, whatever a station measures, and never spread into a session
 * on the way of a reading, which is dear (measured).
 */
export interface Metered {
  /** The newest register, the start's included. */
  register: { atMs: number; milliWh: number } | undefined
  /** The newest reading, for the live picture. */
  reading: LastReading | undefined
  /** Identifies the reading taken last, so that a resent one is told. */
  readingKey: string | undefined
}

export interface LastReading {
  atMs: number
  powerW?: number | undefined
  currentMa?: number[] | undefined
  socPercent?: number | undefined
}

/** A session as SESSION_KIND holds it. */
export type Unmetered = Omit<Session, keyof Metered>

export type ProfilePoint = FactData<'session.ended'>['profile'][number]

/** What session decisions are told of their surroundings. */
export interface SessionContext {
  stationId: string
  at: Moment
  /** Largest power of the connector, W. */
  maxPowerW: number
  mintSessionId(): string
}

export function sessionById(state: StateReader, sessionId: string | undefined): Session | undefined {
  const session = unmeteredById(state, sessionId)
  if (!session) return undefined
  const { register, reading, readingKey } = meteredOf(state, session)
  return {
    ...session,
    ...(register ? { register } : {}),
    ...(reading ? { reading } : {}),
    ...(readingKey === undefined ? {} : { readingKey }),
  }
}

/** Without what was metered: for what comes with every reading. */
export function unmeteredById(state: StateReader, sessionId: string | undefined): Unmetered | undefined {
  return sessionId === undefined ? undefined : state.get<Unmetered>(SESSION_KIND, sessionId)
}

export function meteredOf(state: StateReader, { sessionId }: Unmetered): Metered {
  return state.get<Metered>(METERED_KIND, sessionId) ?? NOT_METERED
}

const NOT_METERED: Metered = { register: undefined, reading: undefined, readingKey: undefined }

export function transactionKey(stationId: string, transactionId: string): string {
  return `${stationId}/${transactionId}`
}

/** What a start of OCPP 1.6 says, word for word: a resend is known by it. `meterStart` in Wh. */
export function startKey(idTag: string, meterStart: number, startedAtMs: number): string {
  return `${idTag}/${meterStart}/${startedAtMs}`
}

export function sessionOfTransaction(
  state: StateReader,
  stationId: string,
  transactionId: string,
): Session | undefined {
  return sessionById(state, sessionIdOf(state, stationId, transactionId))
}

export function sessionIdOf(
  state: StateReader,
  stationId: string,
  transactionId: string,
): string | undefined {
  return state.get<string>(TRANSACTION_KIND, transactionKey(stationId, transactionId))
}

/** Whether a running session has its connector, or waits to hear which; not so where a newer one has it. */
export function isOnConnector(state: StateReader, session: Session): boolean {
  if (session.evseId === 0) return true
  const station = stationOf(state, session.stationId)
  const connector = station && connectorOf(station, session.evseId, session.connectorId)
  return connector?.sessionId === session.sessionId
}

/** Sessions of a station that run now, oldest first. */
export function runningSessions(state: StateReader, stationId: string): Session[] {
  const running = stationOf(state, stationId)?.running ?? []
  return running.map((id) => sessionById(state, id)).filter((s) => s !== undefined)
}

/**
 * Whether a session that has ended moved its meter: then a start with the same register cannot be another one. A start at zero
 * can, on a meter that begins anew with every session.
 */
export function hasDelivered({ startRegisterMilliWh = 0, end }: Session): boolean {
  return startRegisterMilliWh > 0 && (end?.registerMilliWh ?? 0) > startRegisterMilliWh
}

/** The best that is known of its start. */
export function startOf({ startedAtMs, received, correctedStart }: Session): TimedAt {
  return correctedStart ?? { atMs: startedAtMs, received }
}

export function withConnectorFree(
  { connectorFree: _before, ...session }: Session,
  free: Session['connectorFree'],
): Session {
  return free === undefined ? session : { ...session, connectorFree: free }
}

/** What was metered stays as it is where the session was read without it. */
export function putSession(draft: Draft, session: Session): void {
  const { register, reading, readingKey } = session
  if (!register && !reading && readingKey === undefined) {
    putUnmetered(draft, session)
    return
  }
  const { register: _register, reading: _reading, readingKey: _key, ...rest } = session
  putUnmetered(draft, rest)
  putMetered(draft, session.sessionId, { register, reading, readingKey })
}

export function putUnmetered(draft: Draft, session: Unmetered): void {
  draft.put(SESSION_KIND, session.sessionId, session)
}

export function putMetered(draft: Draft, sessionId: string, metered: Metered): void {
  draft.put(METERED_KIND, sessionId, metered)
}

/** Nothing of the session is known any more: a stop that still comes is one of an unknown transaction. */
export function forgetSession(draft: Draft, sessionId: string): void {
  const session = sessionById(draft, sessionId)
  // A station may have used its id again: then it is another session's now.
  const key = session && transactionKey(session.stationId, session.transactionId)
  if (key !== undefined && draft.get<string>(TRANSACTION_KIND, key) === sessionId)
    draft.remove(TRANSACTION_KIND, key)
  for (const kind of [SESSION_KIND, METERED_KIND, PROFILE_KIND, TARIFF_KIND]) draft.remove(kind, sessionId)
}

/** Reasons in the order in which they were found, each once. */
export function withReasons(known: ReviewReason[], found: readonly ReviewReason[]): ReviewReason[] {
  return [...new Set([...known, ...found])]
}
