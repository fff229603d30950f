/** MeterValues (2.0.1 use case J01): of the EVSE, whatever runs on it; EVSE 0 is the grid connection of the station. */
import type { MeterValuesRequest, MeterValuesResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { takeReadings } from '../../session/meter.ts'
import { since } from '../../session/reading.ts'
import { unmeteredById } from '../../session/session.ts'
import { stationOf } from '../../station/station.ts'
import { takeStationReadings } from '../../station/station-meter.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { readingsOf } from './readings.ts'

export function meterValues(
  context: HandlerContext,
  said: MeterValuesRequest,
): Decision<MeterValuesResponse> {
  const { stationId } = context
  const { evseId } = said
  const draft = new Draft(context.state)
  const readings = readingsOf(said.meterValue)
  // The message names no connector: an EVSE serves one session at a time, and what came late from a queue is on none.
  const connectors = stationOf(draft, stationId)?.connectors.filter((c) => c.evseId === evseId) ?? []
  const session =
    evseId === 0
      ? undefined
      : unmeteredById(draft, connectors.find((c) => c.sessionId !== undefined)?.sessionId)
  const [ofSession, ofStation] = session ? since(session.startedAtMs, readings) : [[], readings]
  if (session && ofSession.length > 0) takeReadings(draft, context, session, ofSession)
  const connectorId = connectors[0]?.connectorId ?? (evseId === 0 ? 0 : 1)
  takeStationReadings(draft, context, evseId, connectorId, ofStation)
  return { reply: {}, outcome: draft.outcome() }
}
