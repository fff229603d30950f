/** A session begins. */

import { instant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { IdToken, ReviewReason } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { quirksAt } from '../station/quirks.ts'
import { changeConnector, changeStation, connectorOf, stationOf, withRegister } from '../station/station.ts'
import { presumeEnd } from './end.ts'
import { checkStart } from './plausibility.ts'
import {
  putSession,
  runningSessions,
  type Session,
  type SessionContext,
  sessionById,
  TRANSACTION_KIND,
  transactionKey,
} from './session.ts'
import { isPlausible, type Moment } from './timing.ts'

/** Sessions that may run on one station beside those on its connectors (starts that came late); more end as presumed. */
export const RUNNING_MAX = 64

export interface Start {
  evseId: number
  connectorId: number
  transactionId: string
  /** The station's timestamp, ms. */
  startedAtMs: number
  idToken?: IdToken
  /** Accepted, or why not. The session is recorded either way: energy that flows is never dropped. */
  authorization: string
  /** By the offline policy (see offline-risk.ts). */
  onTrust?: boolean
  registerMilliWh?: number
  remoteStartId?: number
  /** The command that it was started by. */
  commandId?: string
  offline: boolean
  chargingState?: string
  resendKey?: string
  review?: ReviewReason[]
  /** Known only now that it has ended: it takes no connector. */
  isOver?: boolean
}

/** By the station's timestamps, where both can be true; a clock that was never set begins anew with every boot, and then what came last is the newer. */
function beganBefore(startedAtMs: number, at: Moment, there: Session): boolean {
  return (
    isPlausible(startedAtMs, at) &&
    isPlausible(there.startedAtMs, there.received) &&
    startedAtMs < there.startedAtMs
  )
}

/** What runs on the connector beside the session that has it, and began before this start. */
function besides(
  draft: Draft,
  { stationId, at }: SessionContext,
  { evseId, connectorId, startedAtMs }: Start,
  there: Session | undefined,
): Session[] {
  return runningSessions(draft, stationId).filter(
    (it) =>
      it.evseId === evseId &&
      it.connectorId === connectorId &&
      it.sessionId !== there?.sessionId &&
      !beganBefore(startedAtMs, at, it),
  )
}

/**
 * Starts a session. Those that still run on the connector end as presumed, unless the new start is the older one (a
 * queue delivered out of order): then the new one runs beside it until its stop comes, or for a while (see sweep.ts).
 */
export function startSession(draft: Draft, context: SessionContext, start: Start): Session {
  const { stationId, at } = context
  const station = stationOf(draft, stationId)
  const connector = station && connectorOf(station, start.evseId, start.connectorId)
  const there = sessionById(draft, connector?.sessionId)
  const isOlder = there !== undefined && there.end === undefined && beganBefore(start.startedAtMs, at, there)
  const isBeside = isOlder || start.isOver === true
  // Where the station has not said where, several may wait for their plug.
  if (start.evseId > 0 && !start.isOver && !mutated('start-ends-nothing')) {
    if (there && !isBeside) presumeEnd(draft, context, there, 'NewSession')
    for (const beside of besides(draft, context, start, there))
      presumeEnd(draft, context, beside, 'NewSession')
  }
  const running = runningSessions(draft, stationId)
  if (running.length >= RUNNING_MAX) presumeEnd(draft, context, running[0]!, 'TooManyRunning')

  const startedAtMs = isPlausible(start.startedAtMs, at) ? start.startedAtMs : at.nowMs
  const zeroIsPlaceholder = quirksAt(draft, stationId).has('zero-start-placeholder')
  const session: Session = {
    sessionId: context.mintSessionId(),
    stationId,
    evseId: start.evseId,
    connectorId: start.connectorId,
    transactionId: start.transactionId,
    startedAtMs: start.startedAtMs,
    received: at,
    ...(start.idToken ? { idToken: start.idToken } : {}),
    authorization: start.authorization,
    ...(start.onTrust ? { onTrust: true } : {}),
    ...(start.registerMilliWh === undefined
      ? {}
      : {
          startRegisterMilliWh: start.registerMilliWh,
          register: { atMs: startedAtMs, milliWh: start.registerMilliWh },
        }),
    ...(start.chargingState === undefined ? {} : { chargingState: start.chargingState }),
    ...(start.remoteStartId === undefined ? {} : { remoteStartId: start.remoteStartId }),
    ...(start.commandId === undefined ? {} : { commandId: start.commandId }),
    offline: start.offline,
    review: [
      ...(start.review ?? []),
      ...checkStart(start.registerMilliWh, startedAtMs, { ...connector, zeroIsPlaceholder }),
    ],
    ...(start.resendKey === undefined ? {} : { resendKey: start.resendKey }),
    revision: 0,
  }
  putSession(draft, session)
  draft.put(TRANSACTION_KIND, transactionKey(stationId, start.transactionId), session.sessionId)
  changeConnector(draft, stationId, start.evseId, start.connectorId, (c) => {
    if (isBeside) return c
    const taken = { ...c, sessionId: session.sessionId, newestSessionId: session.sessionId }
    return start.registerMilliWh ? withRegister(taken, start.registerMilliWh, startedAtMs) : taken
  })
  changeStation(draft, stationId, (s) => ({ ...s, running: [...s.running, session.sessionId] }))
  draft.fact({
    kind: 'session.started',
    stationId,
    sessionId: session.sessionId,
    data: {
      evseId: start.evseId,
      connectorId: start.connectorId,
      startedAt: instant(startedAtMs),
      ...(start.idToken ? { idToken: start.idToken } : {}),
      authorization: start.authorization,
      ...(start.registerMilliWh === undefined ? {} : { startRegisterMilliWh: start.registerMilliWh }),
      transactionId: start.transactionId,
      ...(start.remoteStartId === undefined ? {} : { remoteStartId: start.remoteStartId }),
      ...(start.commandId === undefined ? {} : { commandId: start.commandId }),
      ...(start.offline ? { offline: true } : {}),
    },
  })
  return session
}
