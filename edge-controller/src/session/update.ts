/** What becomes known of a session after its start (2.x): where, who, its first register, its charging state. */
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { quirksAt } from '../station/quirks.ts'
import { changeConnector, connectorOf, stationOf } from '../station/station.ts'
import { checkStart } from './plausibility.ts'
import { putSession, type Session, type SessionContext, withReasons } from './session.ts'

export interface SessionUpdate {
  evseId?: number
  connectorId?: number
  idToken?: IdToken
  authorization?: string
  /** By the offline policy (see offline-risk.ts). */
  onTrust?: boolean
  startRegisterMilliWh?: number
  /** The true start, told after other events of the session (a queue out of order), ms. */
  startedAtMs?: number
  chargingState?: string
  remoteStartId?: number
  /** The command that it was started by. */
  commandId?: string
  resendKey?: string
}

/** Takes what is new, and tells it in one fact; what was known before stays, but for a refused token and an unknown start. */
export function updateSession(
  draft: Draft,
  context: SessionContext,
  session: Session,
  update: SessionUpdate,
): Session {
  const placed = session.evseId === 0 && update.evseId !== undefined && update.evseId > 0
  const evseId = placed ? update.evseId! : session.evseId
  const connectorId = placed ? (update.connectorId ?? 1) : session.connectorId
  const trueStart = session.review.includes('unknown-start') ? update.startedAtMs : undefined
  // A driver whose first card was refused tries another; who is told by the true start is whose session it is.
  const takesOver =
    session.idToken === undefined ||
    trueStart !== undefined ||
    (session.authorization !== 'Accepted' && update.authorization === 'Accepted')
  const identified = update.idToken !== undefined && takesOver
  const startKnown =
    session.startRegisterMilliWh === undefined && update.startRegisterMilliWh !== undefined
      ? update.startRegisterMilliWh
      : undefined
  const remoteStartId = update.remoteStartId !== session.remoteStartId ? update.remoteStartId : undefined
  const commandId = update.commandId !== session.commandId ? update.commandId : undefined
  const isRemote = remoteStartId !== undefined || commandId !== undefined
  const newState = update.chargingState !== session.chargingState ? update.chargingState : undefined
  const station = stationOf(draft, context.stationId)!
  const zeroIsPlaceholder = quirksAt(draft, context.stationId).has('zero-start-placeholder')
  const meter = { ...connectorOf(station, evseId, connectorId), zeroIsPlaceholder }
  const reasons = checkStart(startKnown, trueStart ?? session.startedAtMs, meter)

  const next: Session = {
    ...session,
    evseId,
    connectorId,
    ...(identified
      ? {
          idToken: update.idToken!,
          authorization: update.authorization ?? 'None',
          ...(update.onTrust || session.onTrust ? { onTrust: update.onTrust ?? false } : {}),
        }
      : {}),
    ...(startKnown === undefined ? {} : { startRegisterMilliWh: startKnown }),
    ...(newState === undefined ? {} : { chargingState: newState }),
    ...(update.remoteStartId === undefined ? {} : { remoteStartId: update.remoteStartId }),
    ...(update.commandId === undefined ? {} : { commandId: update.commandId }),
    ...(update.resendKey === undefined ? {} : { resendKey: update.resendKey }),
    ...(trueStart === undefined ? {} : { startedAtMs: trueStart }),
    review: withReasons(
      trueStart === undefined
        ? session.review
        : session.review.filter((reason) => reason !== 'unknown-start'),
      reasons,
    ),
  }
  putSession(draft, next)
  if (placed) move(draft, session, next)
  if (placed || identified || isRemote || startKnown !== undefined || newState !== undefined) {
    draft.fact({
      kind: 'session.updated',
      stationId: context.stationId,
      sessionId: session.sessionId,
      data: {
        ...(placed ? { evseId, connectorId } : {}),
        ...(identified ? { idToken: update.idToken!, authorization: update.authorization ?? 'None' } : {}),
        ...(startKnown === undefined ? {} : { startRegisterMilliWh: startKnown }),
        ...(newState === undefined ? {} : { chargingState: newState }),
        ...(remoteStartId === undefined ? {} : { remoteStartId }),
        ...(commandId === undefined ? {} : { commandId }),
      },
    })
  }
  return next
}

/** The station now says where it is: the session leaves the station as a whole for its connector. */
function move(draft: Draft, from: Session, to: Session): void {
  const { stationId, sessionId } = from
  changeConnector(draft, stationId, from.evseId, from.connectorId, (connector) => {
    const { sessionId: there, ...free } = connector
    return there === sessionId ? free : connector
  })
  changeConnector(draft, stationId, to.evseId, to.connectorId, (connector) => ({
    ...connector,
    sessionId,
    newestSessionId: sessionId,
  }))
}
