/**
 * What sessions were, from the facts that tell of them. A damaged journal may keep its rows and lose the state beside them: then
 * a session that runs would be unknown to the site, begin a second time with its next reading, and never end the first time.
 */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { Fact } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../draft.ts'
import { changeConnector, changeStation, newStation, STATION_KIND, stationOf } from '../station/station.ts'
import { ENDED_MAX } from './end.ts'
import {
  meteredOf,
  putMetered,
  putSession,
  type Session,
  sessionById,
  startKey,
  TRANSACTION_KIND,
  transactionKey,
} from './session.ts'

/** Takes facts in the order in which they were journalled, those of telemetry after all of the ledger. */
export class SessionsOfFacts {
  readonly #sessions = new Map<string, Session>()

  take(fact: Fact): void {
    const known = this.#sessions.get(fact.sessionId ?? '')
    if (fact.kind === 'session.started') {
      const session = startedBy(fact)
      if (session) this.#sessions.set(session.sessionId, session)
    } else if (known) this.#sessions.set(known.sessionId, changedBy(known, fact))
  }

  /** Oldest first. */
  get all(): Session[] {
    return [...this.#sessions.values()]
  }

  get areSomeRunning(): boolean {
    return this.all.some((session) => !session.end)
  }
}

function startedBy(fact: Extract<Fact, { kind: 'session.started' }>): Session | undefined {
  const { stationId, sessionId, data } = fact
  const startedAtMs = parseInstant(data.startedAt)
  if (stationId === undefined || sessionId === undefined || startedAtMs === undefined) return undefined
  const { evseId, connectorId, transactionId, authorization, idToken, remoteStartId, commandId, offline } =
    data
  const register = data.startRegisterMilliWh
  return {
    sessionId,
    stationId,
    evseId,
    connectorId,
    transactionId,
    startedAtMs,
    received: {
      nowMs: parseInstant(fact.at) ?? startedAtMs,
      monoMs: fact.monoMs,
      bootId: fact.bootId,
      quality: fact.clock,
    },
    ...(idToken ? { idToken } : {}),
    authorization,
    ...(register === undefined
      ? {}
      : { startRegisterMilliWh: register, register: { atMs: startedAtMs, milliWh: register } }),
    ...(remoteStartId === undefined ? {} : { remoteStartId }),
    ...(commandId === undefined ? {} : { commandId }),
    offline: offline ?? false,
    review: [],
    ...(idToken && register !== undefined
      ? { resendKey: startKey(idToken.value, register / 1_000, startedAtMs) }
      : {}),
    revision: 0,
  }
}

function changedBy(session: Session, fact: Fact): Session {
  switch (fact.kind) {
    case 'session.updated': {
      const { startedAt, evseId = session.evseId, connectorId = session.connectorId, ...told } = fact.data
      const { authorization = session.authorization, idToken = session.idToken } = told
      const { chargingState = session.chargingState } = told
      const { remoteStartId = session.remoteStartId, commandId = session.commandId } = told
      const register = told.startRegisterMilliWh ?? session.startRegisterMilliWh
      return {
        ...session,
        evseId,
        connectorId,
        authorization,
        ...(idToken ? { idToken } : {}),
        ...(chargingState === undefined ? {} : { chargingState }),
        ...(remoteStartId === undefined ? {} : { remoteStartId }),
        ...(commandId === undefined ? {} : { commandId }),
        ...(register === undefined ? {} : { startRegisterMilliWh: register }),
        startedAtMs: (startedAt === undefined ? undefined : parseInstant(startedAt)) ?? session.startedAtMs,
      }
    }
    case 'session.register':
    case 'session.meter':
      return measured(session, fact.data.at, fact.data.registerMilliWh)
    case 'session.ended': {
      const { revision, endedAt, endRegisterMilliWh, reason, presumed, review } = fact.data
      return {
        ...session,
        revision,
        review: presumed ? session.review : review,
        end: {
          endedAtMs: parseInstant(endedAt) ?? session.startedAtMs,
          ...(endRegisterMilliWh === undefined ? {} : { registerMilliWh: endRegisterMilliWh }),
          reason,
          presumed,
        },
      }
    }
    default:
      return session
  }
}

function measured(session: Session, at: string, milliWh: number | undefined): Session {
  const atMs = parseInstant(at)
  if (milliWh === undefined || atMs === undefined || atMs < (session.register?.atMs ?? 0)) return session
  // Readings after a presumed end: it was no end.
  const { end, ...running } = session
  const goesOn = end?.presumed && atMs > end.endedAtMs
  return { ...(goesOn || !end ? running : session), register: { atMs, milliWh } }
}

/**
 * Puts sessions back: those that the state still has as it has them, the others and what was metered as facts told them, each with its station,
 * its connector and its transaction. Returns how many were put back.
 */
export function restoreSessions(draft: Draft, kept: readonly Session[], told: readonly Session[]): number {
  const lost = told.filter(({ sessionId }) => !sessionById(draft, sessionId))
  const inOrder = [...kept, ...lost].sort((a, b) => a.startedAtMs - b.startedAtMs)
  for (const session of lost) putSession(draft, session)
  for (const { sessionId, register } of told) {
    const session = sessionById(draft, sessionId)!
    if (register && !session.register)
      putMetered(draft, sessionId, { ...meteredOf(draft, session), register })
  }
  for (const session of inOrder) {
    const key = transactionKey(session.stationId, session.transactionId)
    if (draft.get(TRANSACTION_KIND, key) === undefined) draft.put(TRANSACTION_KIND, key, session.sessionId)
    restoreStation(draft, session)
    restoreConnector(draft, session)
  }
  return lost.length
}

function restoreStation(draft: Draft, { stationId, sessionId, end }: Session): void {
  // It had a session, so it had been accepted; the document of stations has the last word, as ever.
  if (!stationOf(draft, stationId)) draft.put(STATION_KIND, stationId, newStation(stationId, true))
  const list = end ? 'ended' : 'running'
  changeStation(draft, stationId, (station) =>
    station[list].includes(sessionId)
      ? station
      : { ...station, [list]: [...station[list], sessionId].slice(-ENDED_MAX) },
  )
}

function restoreConnector(draft: Draft, { stationId, sessionId, evseId, connectorId, end }: Session): void {
  const isThere = (id: string | undefined): boolean =>
    id !== undefined && sessionById(draft, id) !== undefined
  changeConnector(draft, stationId, evseId, connectorId, (connector) => {
    const isNewer =
      !isThere(connector.newestSessionId) || isAfter(draft, sessionId, connector.newestSessionId!)
    return {
      ...connector,
      ...(isNewer ? { newestSessionId: sessionId } : {}),
      ...(end || (!isNewer && isThere(connector.sessionId)) ? {} : { sessionId }),
    }
  })
}

function isAfter(state: StateReader, sessionId: string, other: string): boolean {
  return sessionById(state, sessionId)!.startedAtMs > sessionById(state, other)!.startedAtMs
}
