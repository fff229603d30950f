/** A connector changes its status: the same decision for every version. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { putSession, type SessionContext, sessionById, withConnectorFree } from '../session/session.ts'
import { changeConnector, connectorOf, stationOf } from './station.ts'

export interface StatusReport extends Omit<FactData<'connector.status'>, 'at'> {
  /** The station's timestamp, ms. */
  atMs: number
}

/**
 * Takes a status. A connector that becomes available while a session runs on it: the session is over, and ends as presumed
 * unless its stop comes soon (see sweep.ts). A status from before the session comes out of a queue and others follow it, or its
 * station's clock has stepped back and it tells of now: which of them, time shows.
 */
export function takeStatus(draft: Draft, context: SessionContext, report: StatusReport): void {
  const { stationId } = context
  const { atMs, ...data } = report
  changeConnector(draft, stationId, report.evseId, report.connectorId, (connector) => {
    const { detail: _detail, errorCode: _errorCode, ...kept } = connector
    return {
      ...kept,
      status: report.status,
      ...(report.detail === undefined ? {} : { detail: report.detail }),
      ...(report.errorCode === undefined ? {} : { errorCode: report.errorCode }),
    }
  })
  const station = stationOf(draft, stationId)
  const connector = station && connectorOf(station, report.evseId, report.connectorId)
  const session = sessionById(draft, connector?.sessionId)
  const isFree = report.status === 'Available'
  if (session) {
    // No session began after we heard of it, whatever its station's clock says.
    const isBefore = atMs < Math.min(session.startedAtMs, session.received.nowMs)
    const free = !isFree ? undefined : isBefore ? 'dated-before' : 'now'
    if (free !== session.connectorFree && !(isBefore && session.connectorFree === 'now'))
      putSession(draft, withConnectorFree(session, free))
  }
  draft.fact({ kind: 'connector.status', stationId, data: { ...data, at: instant(atMs) } })
}
