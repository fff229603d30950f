/**
 * Periodic event streams (2.1, N11 to N15): a station opens one for a monitor, sends its values, each with its time (telemetry, in parts
 * that fit a fact), and closes it.
 */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type {
  ClosePeriodicEventStreamRequest,
  NotifyPeriodicEventStreamRequest,
  OpenPeriodicEventStreamRequest,
  OpenPeriodicEventStreamResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import { inParts } from '../../station/station-event.ts'
import { exactIds } from '../exact-ids.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function periodicEventStream(
  context: HandlerContext,
  { id, pending, basetime, data }: NotifyPeriodicEventStreamRequest,
): Decision {
  exactIds({ id, pending })
  const draft = new Draft(context.state)
  const from = instant(parseInstant(basetime) ?? context.at.nowMs)
  for (const part of inParts(data.map(({ t, v }) => ({ t, v }))))
    draft.fact({
      kind: 'station.stream',
      stationId: context.stationId,
      data: { streamId: id, pending, from, values: part },
    })
  return { reply: {}, outcome: draft.outcome() }
}

export function openEventStream(
  { state, stationId }: HandlerContext,
  { constantStreamData: { id, variableMonitoringId, params } }: OpenPeriodicEventStreamRequest,
): Decision<OpenPeriodicEventStreamResponse> {
  const { interval, values } = params
  exactIds({
    'constantStreamData/id': id,
    'constantStreamData/variableMonitoringId': variableMonitoringId,
    ...(interval === undefined ? {} : { 'constantStreamData/params/interval': interval }),
    ...(values === undefined ? {} : { 'constantStreamData/params/values': values }),
  })
  const draft = new Draft(state)
  draft.fact({
    kind: 'station.stream-opened',
    stationId,
    data: {
      streamId: id,
      monitorId: variableMonitoringId,
      ...(interval === undefined ? {} : { intervalS: interval }),
      ...(values === undefined ? {} : { valuesPerMessage: values }),
    },
  })
  return { reply: { status: 'Accepted' }, outcome: draft.outcome() }
}

export function closeEventStream(
  { state, stationId }: HandlerContext,
  { id }: ClosePeriodicEventStreamRequest,
): Decision {
  exactIds({ id })
  const draft = new Draft(state)
  draft.fact({ kind: 'station.stream-closed', stationId, data: { streamId: id } })
  return { reply: {}, outcome: draft.outcome() }
}
