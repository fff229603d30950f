/** NotifyPeriodicEventStream (2.1, N15): values of one monitored variable, each with its time; telemetry, in parts that fit a fact. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type { NotifyPeriodicEventStreamRequest } from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import { inParts } from '../../station/station-event.ts'
import { OcppFault } from '../fault.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function periodicEventStream(
  context: HandlerContext,
  { id, pending, basetime, data }: NotifyPeriodicEventStreamRequest,
): Decision {
  // The schema knows no bound; a fact holds whole numbers only as far as they are exact.
  if (!Number.isSafeInteger(id) || !Number.isSafeInteger(pending))
    throw new OcppFault('PropertyConstraintViolation', '/id and /pending have 31 bits')
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
