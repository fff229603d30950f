/**
 * MeterValues (1.6 section 4.7). Many stations leave out the transaction id, or say 0 or -1 while they do not have it: then the session
 * on the connector is meant. An id that is not ours is of a transaction that this journal does not know (its card was put back): what
 * flows in it must not be billed to another one.
 */
import type { MeterValuesRequest, MeterValuesResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import { takeReadings } from '../../session/meter.ts'
import { since } from '../../session/reading.ts'
import { sessionIdOf, unmeteredById } from '../../session/session.ts'
import { quirksAt } from '../../station/quirks.ts'
import { connectorOf, stationOf } from '../../station/station.ts'
import { takeStationReadings } from '../../station/station-meter.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { readingsOf } from './readings.ts'

export function meterValues(
  context: HandlerContext,
  said: MeterValuesRequest,
): Decision<MeterValuesResponse> {
  const { stationId } = context
  const { connectorId, transactionId } = said
  const draft = new Draft(context.state)
  const station = stationOf(draft, stationId)
  const connector = station && connectorOf(station, connectorId, 1)
  const named =
    transactionId === undefined
      ? undefined
      : unmeteredById(draft, sessionIdOf(draft, stationId, String(transactionId)))
  const isStrange =
    named === undefined &&
    transactionId !== undefined &&
    transactionId > 0 &&
    !quirksAt(draft, stationId).has('own-transaction-ids')
  const session = named ?? (isStrange ? undefined : unmeteredById(draft, connector?.sessionId))
  const readings = readingsOf(said.meterValue)
  // Readings from before a session that they do not name are of something else.
  const [ofSession, others] = session && !named ? since(session.startedAtMs, readings) : [readings, []]
  if (session && ofSession.length > 0) takeReadings(draft, context, session, ofSession)
  const ofStation = session ? others : readings
  takeStationReadings(draft, context, connectorId, connectorId === 0 ? 0 : 1, ofStation)
  return { reply: {}, outcome: draft.outcome() }
}
